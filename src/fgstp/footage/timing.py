"""The times of a video's frames: their rate, its gaps, and how frames are counted."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

DEFAULT_FPS_HZ = 15.0
SAME_RATE = 0.01  # a stated rate that differs less from the measured one is the exact one
ON_GRID = 0.25  # of a frame's duration
SAME_TIME = 0.02  # of it; packets that are no closer are frames of their own
UNEVEN_FRACTION = 0.05  # of the frames; more than that off the grid, and the rate varies


@dataclass(frozen=True)
class Timing:
    """Times of the frames of a video.

    Attributes:
        times_s: (T,) float64, ascending, seconds since the beginning of the video.
        fps_hz: frame rate: the inverse of the duration of most frames.
        slots: (T,) int64: number of each frame if those missing in gaps are counted too.
        is_even: whether all frames lie on a grid of one rate, apart from gaps.
        lost: frames that are lost beside those in gaps: `none`, at the `end`, or `somewhere`, so
            that the numbers of all others are unsure.
    """

    times_s: NDArray[np.float64]
    fps_hz: float
    slots: NDArray[np.int64]
    is_even: bool
    lost: Literal["none", "end", "somewhere"] = "none"

    @classmethod
    def of(cls, times_s: ArrayLike, stated_hz: float | None = None) -> "Timing":
        """Timing of frames at ascending times; those that are all but equal are one frame.

        Args:
            times_s: seconds since the beginning of the video.
            stated_hz: frame rate that the file states, which is exact where times are rounded.
        """
        times = np.asarray(times_s, np.float64)
        duration_s = _frame_duration_s(np.diff(times), stated_hz)
        times = times[
            np.concatenate([[True], np.diff(times) > SAME_TIME * duration_s])[: len(times)]
        ]
        steps = np.diff(times) / duration_s
        slots = np.concatenate([[0], np.cumsum(np.rint(steps))])[: len(times)].astype(np.int64)
        if len(times):
            slots += round(max(0.0, times[0]) / duration_s)
        off_grid = (np.abs(steps - np.rint(steps)) > ON_GRID) | (steps < 0.5)
        is_even = not len(steps) or float(off_grid.mean()) <= UNEVEN_FRACTION
        return cls(times, 1 / duration_s, slots, is_even)

    @classmethod
    def even(cls, n_frames: int, fps_hz: float) -> "Timing":
        """Timing of frames that follow each other at one rate."""
        return cls.of(np.arange(n_frames) / fps_hz, fps_hz)

    @property
    def has_gaps(self) -> bool:
        """Whether frames are missing between others."""
        return bool(len(self.slots)) and int(self.slots[-1] - self.slots[0]) >= len(self.slots)

    @property
    def end_s(self) -> float:
        """Time at which the last frame ends."""
        return float(self.times_s[-1]) + 1 / self.fps_hz if len(self.times_s) else 0.0

    def place(self, time_s: float) -> int:
        """Place of the frame that is nearest to a time, from 0."""
        times_s = self.times_s
        right = min(max(int(times_s.searchsorted(time_s)), 1), len(times_s) - 1)
        is_left = right > 0 and time_s - times_s[right - 1] <= times_s[right] - time_s
        return right - 1 if is_left else right

    def remarks(self) -> list[str]:
        """Sentences about a rate that varies and about gaps; none for an even video."""
        deltas, steps = np.diff(self.times_s), np.diff(self.slots)
        if not self.is_even or (len(steps) and (steps > 1).mean() > UNEVEN_FRACTION):
            low, high = 1 / np.percentile(deltas, [95, 5])
            return [f"its frame rate varies, from {low:.3g} to {high:.3g} Hz"]
        if not self.has_gaps:
            return []
        longest = int(deltas.argmax())
        missing = int((steps - 1).sum())
        return [
            f"{missing} frames are missing in gaps between others, the longest gap takes "
            f"{deltas[longest]:.2f} s at {self.times_s[longest]:.2f} s"
        ]


def _frame_duration_s(deltas: NDArray[np.float64], stated_hz: float | None) -> float:
    """Duration of most frames; the stated one where it is that of all."""
    deltas = deltas[deltas > 0]
    if not len(deltas):
        return 1 / float(stated_hz or DEFAULT_FPS_HZ)
    # A stated rate may be a mean over gaps.
    is_mean = stated_hz and abs(stated_hz * deltas.mean() - 1) < SAME_RATE
    if stated_hz and is_mean and (np.rint(stated_hz * deltas) == 1).all():
        return 1 / stated_hz
    median = float(np.quantile(deltas, 0.5, method="lower"))  # one of them, not between two
    return float(deltas[np.abs(deltas / median - 1) < ON_GRID].mean())
