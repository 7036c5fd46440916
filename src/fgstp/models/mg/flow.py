"""Optical flow: an estimator without torch, and the fields that Motion Grouping takes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

DisPreset = Literal["ultrafast", "fast", "medium"]
Frame = NDArray[np.uint8]
Field = NDArray[np.floating]
PRESETS: dict[DisPreset, int] = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}


class FlowEstimator(Protocol):
    """Estimates optical flow."""

    @property
    def facts(self) -> dict[str, object]:
        """What its fields depend on besides the frames, for a fingerprint."""

    def __call__(self, frame: Frame, other: Frame) -> Field:
        """Displacement of each pixel from a frame to another.

        Args:
            frame: (H, W) uint8.
            other: of the same shape.

        Returns:
            (2, H, W) float32: x, to the right, and y, downwards, in pixels.
        """


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
        """See `FlowEstimator`."""
        return {"method": "dis", "preset": self.preset, "opencv": cv2.__version__}

    def __call__(self, frame: Frame, other: Frame) -> Field:
        """See `FlowEstimator`."""
        padded = (padded_frame(each, self.smallest_px) for each in (frame, other))
        field = cv2.DISOpticalFlow.create(PRESETS[self.preset]).calc(*padded, None)  # type: ignore[call-overload]
        height, width = frame.shape
        return np.asarray(field[:height, :width].transpose(2, 0, 1), np.float32)


@dataclass(frozen=True)
class VideoFlow:
    """Flow from each frame of a video to the frames at some gaps; a `VideoFeatures`.

    Attributes:
        estimator: estimates flow, at the size of the frames.
        gaps_frames: G gaps; see `other_frame` for frames near the ends of the video.
        height_px: height of the fields.
        width_px: width of the fields.
    """

    estimator: FlowEstimator
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


def coloured(fields: NDArray[np.float32]) -> NDArray[np.float32]:
    """Colour-code fields as `fgstp.models.mg.raft.flow_pictures` does, by NumPy.

    Sessions use it, so that all runtimes show the network the very same 256 levels.

    Args:
        fields: (..., 2, H, W), x and y in pixels.

    Returns:
        (..., 3, H, W) in [-1, 1], in 256 levels.
    """
    speed = np.linalg.norm(fields, axis=-3)
    speed /= np.maximum(speed.max(axis=(-2, -1), keepdims=True), np.finfo(np.float32).tiny)
    wheel = _colour_wheel()
    angle = np.arctan2(-fields[..., 1, :, :], -fields[..., 0, :, :]) / np.float32(np.pi)
    place = (angle + 1) / 2 * (len(wheel) - 1)
    first = np.floor(place).astype(int)
    share = (place - first)[..., None]
    hue = (1 - share) * wheel[first] + share * wheel[(first + 1) % len(wheel)]
    levels = np.floor(255 * (1 - speed[..., None] * (1 - hue)))
    return np.moveaxis(levels.astype(np.float32) / np.float32(127.5) - 1, -1, -3)


def _colour_wheel() -> NDArray[np.float32]:
    """Middlebury's 55 hues, (55, 3) in [0, 1]: six ramps between primary and secondary colours."""
    # Hues of a ramp, its full channel, its changing channel, and whether that grows.
    ramps = [(15, 0, 1, True), (6, 1, 0, False), (4, 1, 2, True)]
    ramps += [(11, 2, 1, False), (13, 2, 0, True), (6, 0, 2, False)]
    hues = []
    for n, full, changing, grows in ramps:
        part = np.zeros((n, 3))
        steps = np.floor(255 * np.arange(n) / n)
        part[:, full] = 255
        part[:, changing] = steps if grows else 255 - steps
        hues.append(part)
    return (np.concatenate(hues) / 255).astype(np.float32)


def padded_frame(frame: Frame, smallest_px: int, multiple_px: int = 1) -> Frame:
    """Repeat the border at the right and at the bottom, up to a size or a multiple."""
    sides = (max(side, smallest_px) for side in frame.shape)
    spare = [side + -side % multiple_px - own for side, own in zip(sides, frame.shape, strict=True)]
    return np.pad(frame, [(0, each) for each in spare], mode="edge") if any(spare) else frame
