"""Frames that look damaged: in whole rows, they are unlike the frames before and after them.

Raw pixels, bitmaps and some codecs have no check sums, so that destroyed bytes decode as pixels.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

UNLIKE_LEVELS = 32  # beyond both neighbours
UNLIKE_FRACTION = 0.6  # of a row; what moves in real footage reaches 0.35
USUAL_FACTOR = 3  # times what is usual in the video, which may be noise
COLUMN_STEP, ROW_STEP = 8, 2
FRAMES_AT_ONCE = 75  # few calls, which each wait for the interpreter beside decoding


class OddFrames:
    """Finds frames of which a row is unlike the same row one frame before and one after.

    What moves, flickers or fades covers no whole row for a single frame. A cut is no such frame.
    """

    def __init__(self) -> None:
        self._before: list[NDArray[np.uint8]] = []  # pixels of the last two frames
        self._shares: list[NDArray[np.float64]] = []
        self._times_s: list[NDArray[np.float64]] = []

    def take(self, frames: NDArray[np.uint8], times_s: NDArray[np.float64]) -> None:
        """Take consecutive frames, (T, H, W) uint8, with their times, (T,)."""
        self._times_s.append(times_s)
        for start in range(0, len(frames), FRAMES_AT_ONCE):
            pixels = _some_pixels(frames[start : start + FRAMES_AT_ONCE])
            seen = np.concatenate([*self._before, pixels])
            self._before = [seen[-2:]]
            if len(seen) > 2:
                self._shares.append(_unlike_share(seen))

    def remarks(self) -> list[str]:
        """A sentence if some frames look damaged, once all frames were taken."""
        if not self._shares:
            return []
        shares = np.concatenate(self._shares)
        usual = float(np.median(shares))
        odd = np.flatnonzero(shares > max(UNLIKE_FRACTION, USUAL_FACTOR * usual)) + 1
        if not len(odd):
            return []
        first_s = np.concatenate(self._times_s)[odd[0]]
        return [
            f"{len(odd)} of its frames may be damaged, the first at {first_s:.2f} s: rows of them "
            "are unlike the frames before and after"
        ]


def _some_pixels(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows = frames[:, ::ROW_STEP]
    if frames.shape[2] % COLUMN_STEP:
        return np.ascontiguousarray(rows[:, :, ::COLUMN_STEP])
    # The lowest byte of eight: NumPy shortens numbers faster than it takes steps.
    return rows.view("<u8").astype(np.uint8)


def _unlike_share(frames: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Largest share of a row that lies beyond both neighbours, of all but two: (T - 2,)."""
    n_between, (height, width) = len(frames) - 2, frames.shape[1:]
    before, present, after = (
        frames[start : start + n_between].reshape(-1, width) for start in range(3)
    )
    if cv2.absdiff(present, before).max() <= UNLIKE_LEVELS and present.min() > 0:
        return np.zeros(n_between)
    above = cv2.subtract(present, cv2.max(before, after))
    below = cv2.subtract(cv2.min(before, after), present)
    unlike = cv2.max(above, below) > UNLIKE_LEVELS
    unlike |= (below > 0) & (present == 0)  # a gap in the file, in a dark picture
    count = cv2.reduce(unlike.view(np.uint8), 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S)
    return np.asarray(count.reshape(n_between, height).max(axis=1) / width, np.float64)
