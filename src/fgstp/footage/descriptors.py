"""Descriptors of clips: what a clip looks like, and which clips repeat it."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

GRID_HEIGHT = 24
GRID_WIDTH = 32
STRUCTURE_CELLS = 4.0
FRAME_STEP = 2  # at video rate every second frame holds the same for half the work
FRAMES_AT_ONCE = 25  # few calls, which each wait for the interpreter beside decoding
NOISE_MARGIN = 2.0
BLOB_FRACTION = 0.02  # of the grid: a blob smaller than this does not make a clip new


class ClipDescriptor(NamedTuple):
    """Three maps of a clip on a coarse grid, in grey levels.

    Averaging over the cells of the grid removes most of the sensor noise; what is left is
    estimated from the clip itself and subtracted from the maps of change and motion.

    Attributes:
        appearance: (24, 32) float32, mean over time minus its own Gaussian blur (sigma of 4
            cells), so that a drift of the sky or of the camera's gain is no change of the scene.
        change: (24, 32) float32, standard deviation over time: where the clip changes.
        motion: (24, 32) float32, mean absolute difference of frames two apart: how fast.
    """

    appearance: NDArray[np.float32]
    change: NDArray[np.float32]
    motion: NDArray[np.float32]


def describe(frames: NDArray[np.uint8]) -> ClipDescriptor:
    """Describe a clip: (T, H, W) uint8, T at least 3."""
    sample = frames[::FRAME_STEP]
    starts = range(0, len(sample), FRAMES_AT_ONCE)
    cells = np.concatenate([_shrink(sample[start : start + FRAMES_AT_ONCE]) for start in starts])
    # Brightness common to the whole frame is the camera's gain, not the scene.
    cells -= _medians(cells.reshape(len(cells), -1))[:, None, None]
    mean = cells.mean(axis=0)
    steps = np.diff(cells, axis=0)
    # In most cells nothing moves, so that their median is the noise of all.
    noise_variance = np.median(np.square(steps).mean(axis=0)) / 2
    motion = np.abs(steps).mean(axis=0)
    return ClipDescriptor(
        appearance=mean - cv2.GaussianBlur(mean, (0, 0), STRUCTURE_CELLS),
        change=np.sqrt(np.maximum(cells.var(axis=0) - NOISE_MARGIN * noise_variance, 0)),
        motion=np.maximum(motion - NOISE_MARGIN * np.median(motion), 0),
    )


def _shrink(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Mean of each cell of the grid: (T, H, W) uint8 to (T, 24, 32) float32."""
    n_frames, height, width = frames.shape
    halves = np.empty((n_frames, height // 2, width // 2), np.uint8)
    # Halving first is OpenCV's fastest path, and leaves a quarter of the pixels to average.
    for frame, half in zip(frames, halves, strict=True):
        whole = frame[: height // 2 * 2, : width // 2 * 2]
        cv2.resize(whole, half.shape[::-1], dst=half, interpolation=cv2.INTER_AREA)
    # All frames below each other are one picture and take one call, which lets other threads run.
    tall, size = halves.reshape(-1, width // 2), (GRID_WIDTH, n_frames * GRID_HEIGHT)
    cells = cv2.resize(tall, size, interpolation=cv2.INTER_AREA)
    return cells.reshape(n_frames, GRID_HEIGHT, GRID_WIDTH).astype(np.float32)


def _medians(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Median of each row of an even number of values; NumPy sorts faster than it selects."""
    middle = rows.shape[1] // 2
    return np.sort(rows, axis=1)[:, middle - 1 : middle + 1].mean(axis=1)


def stacked(clips: Sequence[ClipDescriptor]) -> ClipDescriptor:
    """Stack the maps of clips along a first axis."""
    return ClipDescriptor(*(np.stack(maps) for maps in zip(*clips, strict=True)))


def similarity(
    first: ClipDescriptor, second: ClipDescriptor, floor_levels: float
) -> NDArray[np.float64]:
    """Compute how similar two clips are, from 0 to 1 (the same).

    The weighted Jaccard (Ruzicka) index of the maps of change and motion, where a difference of
    appearance counts as something that only one clip has:
    (sum min + f) / (sum max + sum |difference of appearance| + f). All terms are counted above
    the floor. The constant f is a small blob of that strength, so that two clips in which
    nothing happens are similar.

    Args:
        first: a clip, or clips that are `stacked`.
        second: another clip; the order does not matter.
        floor_levels: grey levels up to which a cell is taken to be at rest.

    Returns:
        The similarity, (N,) for N stacked clips.
    """
    activity_1, activity_2 = _activity(first, floor_levels), _activity(second, floor_levels)
    difference = np.abs(first.appearance - second.appearance)
    blob = BLOB_FRACTION * GRID_HEIGHT * GRID_WIDTH * floor_levels
    shared = _sum(np.minimum(activity_1, activity_2))
    either = _sum(np.maximum(activity_1, activity_2))
    unlike = _sum(np.maximum(difference - floor_levels, 0))
    return (shared + blob) / (either + unlike + blob)


def _activity(clip: ClipDescriptor, floor_levels: float) -> NDArray[np.float32]:
    """Change and motion above the floor: (..., 2 h, w) float32."""
    return np.maximum(np.concatenate([clip.change, clip.motion], axis=-2) - floor_levels, 0)


def _sum(maps: NDArray[np.float32]) -> NDArray[np.float64]:
    """Sum over rows and columns."""
    return maps.sum(axis=(-2, -1)).astype(np.float64)


class DuplicateFilter:
    """Greedy filter of the clips of a video: a clip is kept unless it is similar to a kept one.

    It needs one pass in the order of time, and of similar clips it keeps the earliest.

    Attributes:
        threshold: similarity from which a clip is a duplicate.
        floor_levels: see `similarity`.
    """

    def __init__(self, threshold: float, floor_levels: float) -> None:
        self.threshold = threshold
        self.floor_levels = floor_levels
        self._numbers: list[int] = []
        self._kept: list[ClipDescriptor] = []

    def repeats(self, index: int, descriptor: ClipDescriptor) -> tuple[int, float] | None:
        """Find the kept clip that the next clip repeats; without one, keep the clip.

        Args:
            index: number of the clip in its video.
            descriptor: its descriptor.

        Returns:
            Number and similarity of the most similar kept clip, the earliest of equals; None if
            its similarity is below the threshold.
        """
        if self._kept:
            similarities = similarity(stacked(self._kept), descriptor, self.floor_levels)
            best = int(similarities.argmax())
            if similarities[best] >= self.threshold:
                return self._numbers[best], float(similarities[best])
        self._numbers.append(index)
        self._kept.append(descriptor)
        return None
