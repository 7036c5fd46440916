"""Descriptors: what a clip looks like, where it changes, and the category that this gives."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fgstp.footage.settings import CategorySettings
from fgstp.footage.video import Background

GRID_HEIGHT = 24
GRID_WIDTH = 32
STRUCTURE_CELLS = 4.0
FRAME_STEP = 2  # at video rate every second frame tells the same for half the work
NOISE_MARGIN = 2.0
UNKNOWN = "unknown"


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
    """Describe a clip: (T, H, W) uint8, T at least 3."""
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


def category_name(
    distance_m: float | None, background: Background | None, settings: CategorySettings
) -> str:
    """Name of a category, such as `close_complex`; `unknown` stands for what is None."""
    distance = UNKNOWN
    if distance_m is not None:
        distance = "long" if distance_m >= settings.long_from_m else "medium"
        distance = "close" if distance_m < settings.close_below_m else distance
    return f"{distance}_{background or UNKNOWN}"


def measure_background(
    clips: Sequence[ClipDescriptor], settings: CategorySettings
) -> tuple[Background, float] | None:
    """The background, by the share of it that moves without a leak; None without any clip.

    Clouds are slow: within a clip they hardly move, but between the clips of some
    minutes they do. So a cell moves if its variance within clips plus that of its
    appearance between them exceeds the square of a bound.

    Args:
        clips: descriptors of leak-free clips of one video.
        settings: the bound, and the share of moving cells that makes a background complex.
    """
    if not clips:
        return None
    within = np.mean([np.square(clip.change) for clip in clips], axis=0)
    between = np.var([clip.appearance for clip in clips], axis=0)
    share = float(np.mean(within + between > settings.moving_levels**2))
    return ("complex" if share >= settings.complex_from_fraction else "clear"), share
