"""Optical flow: estimators, and the fields that Motion Grouping takes of a video."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.models import optical_flow  # type: ignore[import-untyped]
from torchvision.utils import flow_to_image  # type: ignore[import-untyped]

from fgstp.core.errors import UserError
from fgstp.core.fingerprint import content_hash
from fgstp.models.state_dicts import check_fit, read_weights

DisPreset = Literal["ultrafast", "fast", "medium"]
Device = Literal["cpu", "cuda"]
Frame = NDArray[np.uint8]
Field = NDArray[np.floating]
PRESETS: dict[DisPreset, int] = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}


@dataclass(frozen=True)
class DisFlow:
    """Dense inverse search (arXiv 1603.03590) of OpenCV: fast, without weights.

    Attributes:
        preset: trade-off of speed and accuracy.
    """

    preset: DisPreset = "medium"
    # OpenCV 5.0 crashes on pictures that are small or flat; this size is safe.
    smallest_px: ClassVar[int] = 64

    @property
    def facts(self) -> dict[str, object]:
        """What its fields depend on besides the frames, for a fingerprint."""
        return {"method": "dis", "preset": self.preset, "opencv": cv2.__version__}

    def __call__(self, frame: Frame, other: Frame) -> Field:
        """Displacement of each pixel from a frame to another.

        Args:
            frame: (H, W) uint8.
            other: of the same shape.

        Returns:
            (2, H, W) float32: x, to the right, and y, downwards, in pixels.
        """
        padded = (_padded(each, self.smallest_px) for each in (frame, other))
        field = cv2.DISOpticalFlow.create(PRESETS[self.preset]).calc(*padded, None)  # type: ignore[call-overload]
        height, width = frame.shape
        return np.asarray(field[:height, :width].transpose(2, 0, 1), np.float32)


@dataclass(frozen=True)
class RaftFlow:
    """RAFT (arXiv 2003.12039), the large model of torchvision.

    The published fields are from weights trained on FlyingChairs and FlyingThings.

    Attributes:
        weights: file of weights of torchvision's `raft_large`.
        device: device that it runs on.
        n_updates: number of iterations.
    """

    weights: Path
    device: Device = "cpu"
    n_updates: int = 20
    smallest_px: ClassVar[int] = 128  # torchvision refuses less

    @cached_property
    def facts(self) -> dict[str, object]:
        """See `DisFlow`."""
        digest = content_hash([self.weights])
        return {"method": "raft", "updates": self.n_updates, "weights": digest}

    @cached_property
    def network(self) -> nn.Module:
        """The network, loaded on first use.

        Raises:
            UserError: the file of weights cannot be used, or there is no such device.
        """
        weights = read_weights(self.weights)
        network: nn.Module = optical_flow.raft_large(weights=None)
        what = f"{self.weights} does not fit raft_large of torchvision"
        check_fit(weights, network.state_dict(), what=what)
        network.load_state_dict(weights)
        if self.device == "cuda" and not torch.cuda.is_available():
            raise UserError("flow.device is cuda, but torch finds no CUDA device; set it to cpu.")
        return network.eval().requires_grad_(False).to(self.device)

    def __call__(self, frame: Frame, other: Frame) -> Field:
        """See `DisFlow`; raises the errors of `network`."""
        pair = (self._input(each) for each in (frame, other))
        # Autocast of the caller must not change the fields.
        with torch.inference_mode(), torch.autocast(self.device, enabled=False):
            field = self.network(*pair, num_flow_updates=self.n_updates)[-1].squeeze(0)
        height, width = frame.shape
        return field[:, :height, :width].float().cpu().numpy()

    def _input(self, frame: Frame) -> Tensor:
        """(1, 3, H, W) in [-1, 1], sides multiples of 8."""
        grey = torch.from_numpy(_padded(frame, self.smallest_px, multiple_px=8))
        return (grey.to(self.device).float() / 127.5 - 1.0).expand(1, 3, -1, -1)


@dataclass(frozen=True)
class VideoFlow:
    """Flow from each frame of a video to the frames at some gaps; a `VideoFeatures`.

    Attributes:
        estimator: estimates flow, at the size of the frames.
        gaps_frames: G gaps; see `other_frame` for frames near the ends of the video.
        height_px: height of the fields.
        width_px: width of the fields.
    """

    estimator: DisFlow | RaftFlow
    gaps_frames: tuple[int, ...]
    height_px: int
    width_px: int

    @property
    def facts(self) -> dict[str, object]:
        """See `VideoFeatures`."""
        gaps = list(self.gaps_frames)
        return {**self.estimator.facts, "gaps_frames": gaps, "shape": list(self.shape)}

    @property
    def shape(self) -> tuple[int, ...]:
        """(G, 2, height_px, width_px): x and y in pixels of this size."""
        return len(self.gaps_frames), 2, self.height_px, self.width_px

    def compute(
        self, frames: NDArray[np.uint8], numbers: Iterable[int]
    ) -> Iterator[NDArray[np.float16]]:
        """See `VideoFeatures`."""
        for number in numbers:
            others = [other_frame(number, gap, len(frames)) for gap in self.gaps_frames]
            yield self.fields(frames[number], [frames[other] for other in others])

    def fields(self, frame: Frame, others: Iterable[Frame]) -> NDArray[np.float16]:
        """Fields `shape` float16 of one frame (H, W) uint8, to the other frame at each gap."""
        frame = np.ascontiguousarray(frame)
        size = self.height_px, self.width_px
        fields = (self.estimator(frame, np.ascontiguousarray(other)) for other in others)
        return np.stack([resized_field(field, *size).astype(np.float16) for field in fields])


def other_frame(number: int, gap_frames: int, n_frames: int) -> int:
    """Number of the frame to which flow from frame `number` of `n_frames` is estimated.

    This is the frame one gap away; if there is none, the frame one gap away in the other
    direction; if there is none either, the more distant end of the video.
    """
    for other in (number + gap_frames, number - gap_frames):
        if 0 <= other < n_frames:
            return other
    return 0 if number >= n_frames // 2 else n_frames - 1


def resized_field(field: Field, height_px: int, width_px: int) -> Field:
    """Resize a field (2, H, W) bilinearly; each component is scaled like its axis."""
    _, height, width = field.shape
    scale = np.array([width_px / width, height_px / height], np.float32)
    last = cv2.resize(np.ascontiguousarray(field.transpose(1, 2, 0)), (width_px, height_px))
    return (last * scale).transpose(2, 0, 1)


def flow_pictures(flows: Tensor) -> Tensor:
    """Colour-code fields with Middlebury's wheel of 55 hues.

    The hue is the direction; a pixel at rest is white, and the fastest one of a field has the
    full colour. As published, each field is divided by its own maximum speed, so that noise of a
    camera at rest looks like strong motion.

    Args:
        flows: (N, 2, H, W) floating, x and y in pixels.

    Returns:
        (N, 3, H, W) float32 in [-1, 1], in 256 levels.
    """
    flows = flows.float()
    speed = torch.linalg.vector_norm(flows, dim=1).amax(dim=(1, 2))
    # torchvision divides by the maximum speed over all fields, which is then 1.
    relative = flows / speed.clamp(min=torch.finfo(torch.float32).tiny).view(-1, 1, 1, 1)
    return flow_to_image(relative).float() / 127.5 - 1.0


def _padded(frame: Frame, smallest_px: int, multiple_px: int = 1) -> Frame:
    """Repeat the border at the right and at the bottom, up to a size or a multiple."""
    sides = (max(side, smallest_px) for side in frame.shape)
    spare = [side + -side % multiple_px - own for side, own in zip(sides, frame.shape, strict=True)]
    return np.pad(frame, [(0, each) for each in spare], mode="edge") if any(spare) else frame
