"""Clip descriptors: what a clip looks like where it changes, and how it moves there."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

GRID_HEIGHT = 24
GRID_WIDTH = 32
STRUCTURE_CELLS = 4.0
FRAME_STEP = 2  # at video rate every second frame tells the same for half the work
NOISE_MARGIN = 2.0


@dataclass(frozen=True)
class ClipDescriptor:
    """Three maps on a coarse grid, in grey levels.

    Averaging over the cells of the grid removes most of the sensor noise; what is left
    of it is estimated from the clip itself and taken off the maps of change and motion.

    Attributes:
        appearance: (24, 32) float32, mean over time, less its own blur by 4 cells, so that
            a drift of the sky or of the camera's gain is no change of the scene.
        change: (24, 32) float32, standard deviation over time: where the clip changes.
        motion: (24, 32) float32, mean absolute difference of frames two apart: how fast.
    """

    appearance: NDArray[np.float32]
    change: NDArray[np.float32]
    motion: NDArray[np.float32]

    def as_array(self) -> NDArray[np.float32]:
        """The three maps as one array (3, 24, 32) float32, to be stored."""
        return np.stack([self.appearance, self.change, self.motion])

    @classmethod
    def from_array(cls, maps: NDArray[np.float32]) -> "ClipDescriptor":
        """The descriptor that `as_array` gave."""
        return cls(*maps)


def describe(frames: NDArray[np.uint8]) -> ClipDescriptor:
    """Describe a clip.

    Args:
        frames: (T, H, W) uint8, T at least 3.

    Returns:
        Its descriptor.
    """
    cells = _shrink(frames[::FRAME_STEP])
    # Brightness common to the whole frame is the camera's gain, not the scene.
    cells -= np.median(cells, axis=(1, 2), keepdims=True)
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
    cells = np.empty((len(frames), GRID_HEIGHT, GRID_WIDTH), np.float32)
    for frame, cell in zip(frames, cells, strict=True):
        # Halving first is OpenCV's fastest path, and leaves a quarter of the pixels to average.
        half = cv2.resize(frame, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        cell[:] = cv2.resize(half, (GRID_WIDTH, GRID_HEIGHT), interpolation=cv2.INTER_AREA)
    return cells
