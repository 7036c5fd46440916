"""Optical flow of clips."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import get_worker_info
from torchvision.models import optical_flow  # type: ignore[import-untyped]

from fgstp.core.errors import UserError
from fgstp.footage.fingerprints import files_hash
from fgstp.models.mg.flow_cache import FlowCache
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


class Flow(Protocol):
    """What estimates the flow between two frames."""

    @property
    def identity(self) -> str:
        """Words that differ where the fields would."""

    def __call__(self, frame: Frame, other: Frame) -> Field:
        """Where each pixel of a frame is in another one.

        Args:
            frame: (H, W) uint8.
            other: of the same shape.

        Returns:
            (2, H, W) float32: x, to the right, and y, downwards, in pixels.
        """


@dataclass(frozen=True)
class DisFlow:
    """Dense inverse search (arXiv 1603.03590), by OpenCV: fast, without weights.

    Attributes:
        preset: how thorough.
    """

    preset: DisPreset = "medium"
    # OpenCV 5.0 crashes on pictures that are small or flat; those of this size are safe.
    smallest_px: int = 64

    @property
    def identity(self) -> str:
        """Method, preset and version."""
        return f"dis {self.preset} {cv2.__version__}"

    def __call__(self, frame: Frame, other: Frame) -> Field:
        """See `Flow`."""
        padded = (_padded(each, self.smallest_px) for each in (frame, other))
        field = cv2.DISOpticalFlow.create(PRESETS[self.preset]).calc(*padded, None)  # type: ignore[call-overload]
        height, width = frame.shape
        return np.asarray(field[:height, :width].transpose(2, 0, 1), np.float32)


@dataclass(frozen=True)
class RaftFlow:
    """RAFT (arXiv 2003.12039), the large one, by torchvision.

    The published fields are of weights trained on FlyingChairs and FlyingThings.

    Attributes:
        weights: file of weights of torchvision's `raft_large`.
        device: where it works.
        n_updates: iterations.
    """

    weights: Path
    device: Device = "cpu"
    n_updates: int = 20
    smallest_px: int = 128  # torchvision refuses less

    @cached_property
    def identity(self) -> str:
        """Method and content of the file of weights."""
        return f"raft {self.n_updates} {files_hash([self.weights])}"

    def network(self) -> nn.Module:
        """The network, read at the first call.

        Raises:
            UserError: the file of weights cannot be used, or there is no such device.
        """
        return self._network

    @cached_property
    def _network(self) -> nn.Module:
        weights = read_weights(self.weights)
        network: nn.Module = optical_flow.raft_large(weights=None)
        what = f"{self.weights} does not fit raft_large of torchvision"
        check_fit(weights, network.state_dict(), what=what)
        network.load_state_dict(weights)
        if self.device == "cuda" and not torch.cuda.is_available():
            raise UserError("flow.device is cuda, but torch finds no CUDA device; set it to cpu.")
        return network.eval().requires_grad_(False).to(self.device)

    def __call__(self, frame: Frame, other: Frame) -> Field:
        """See `Flow`.

        Raises:
            UserError: as `network`, or a process that loads samples is to use a GPU.
        """
        if self.device == "cuda" and get_worker_info() is not None:
            raise UserError(
                "Processes that load samples cannot use a GPU; set train.workers to 0, at least "
                "until all fields lie in flow.cache."
            )
        pair = (self._input(each) for each in (frame, other))
        # Exact also within a training in lower precision: the field is kept for others.
        with torch.inference_mode(), torch.autocast(self.device, enabled=False):
            field = self.network()(*pair, num_flow_updates=self.n_updates)[-1].squeeze(0)
        height, width = frame.shape
        return field[:, :height, :width].float().cpu().numpy()

    def _input(self, frame: Frame) -> torch.Tensor:
        """(1, 3, H, W) in [-1, 1], sides multiples of 8."""
        grey = torch.from_numpy(_padded(frame, self.smallest_px, multiple_px=8))
        return (grey.to(self.device).float() / 127.5 - 1.0).expand(1, 3, -1, -1)


@dataclass(frozen=True)
class SizedClipFlow:
    """Flow of whole clips, at the size that a network works at.

    Attributes:
        flow: what estimates it, on the frames as they are.
        height_px: height of the fields.
        width_px: width of the fields.
        cache: keeps the fields on the disk; None: they are computed each time.
    """

    flow: Flow
    height_px: int
    width_px: int
    cache: FlowCache | None = None

    def __call__(self, frames: NDArray[np.uint8], gap_frames: int) -> Field:
        """Fields of all frames of a clip.

        Args:
            frames: (T, H, W) uint8.
            gap_frames: frames from each to that in which its pixels are looked for; see
                `other_frame` for those at the clip's ends.

        Returns:
            (T, 2, height_px, width_px) float16, x and y in pixels of this size; memory-mapped
            and read-only where there is a cache.

        Raises:
            UserError: the cache cannot be written, or a file of weights cannot be read.
        """
        if self.cache is None:
            return np.stack(list(self._fields(frames, gap_frames)))
        size = 2, self.height_px, self.width_px
        what = f"{self.flow.identity} gap {gap_frames} size {size}"
        return self.cache.fields(frames, what, size, lambda: self._fields(frames, gap_frames))

    def along(self, frames: NDArray[np.uint8], gap_frames: int) -> Iterator[Field]:
        """The same fields, (2, height_px, width_px) each, one after the other.

        Without a cache no more than one of them is in memory.
        """
        if self.cache is None:
            return self._fields(frames, gap_frames)
        return iter(self(frames, gap_frames))

    def _fields(self, frames: NDArray[np.uint8], gap_frames: int) -> Iterator[Field]:
        for number, frame in enumerate(frames):
            other = frames[other_frame(number, gap_frames, len(frames))]
            field = self.flow(np.ascontiguousarray(frame), np.ascontiguousarray(other))
            yield resized_field(field, self.height_px, self.width_px).astype(np.float16)


def other_frame(number: int, gap_frames: int, n_frames: int) -> int:
    """Number of the frame that flow goes to.

    The one a gap further; where the clip has none, the one as far in the other direction;
    where it has neither, that of its ends which is farther away.

    Args:
        number: number of the frame that flow starts from.
        gap_frames: frames from it to the other one.
        n_frames: frames of the clip.
    """
    for other in (number + gap_frames, number - gap_frames):
        if 0 <= other < n_frames:
            return other
    return 0 if number >= n_frames // 2 else n_frames - 1


def resized_field(field: Field, height_px: int, width_px: int) -> Field:
    """Resize a field (2, H, W) bilinearly; each component is scaled as its axis is."""
    _, height, width = field.shape
    scale = np.array([width_px / width, height_px / height], np.float32)
    last = cv2.resize(
        np.ascontiguousarray(field.transpose(1, 2, 0)),
        (width_px, height_px),
        interpolation=cv2.INTER_LINEAR,
    )
    return (last * scale).transpose(2, 0, 1)


def _padded(frame: Frame, smallest_px: int, multiple_px: int = 1) -> Frame:
    """Repeat the border at the right and at the bottom, up to a size or a multiple."""
    sides = (max(side, smallest_px) for side in frame.shape)
    spare = [side + -side % multiple_px - own for side, own in zip(sides, frame.shape, strict=True)]
    return np.pad(frame, [(0, each) for each in spare], mode="edge") if any(spare) else frame
