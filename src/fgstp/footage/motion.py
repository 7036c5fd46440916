"""Motion of whole pictures and of their parts."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

_TILE_PX = 48
_SHORT_LAG_S, _LONG_LAG_S = 0.7, 8.0
_PAIRS = 4  # of pictures in a window
_MIN_CONTRAST = 1.0  # standard deviation in a tile, in levels
_MIN_RESPONSE = 0.4
_GRADIENT_S = 1.0


class Displacement:
    """Displacement of pictures relative to their moving average, by least squares.

    I - B = d . grad B + b, which holds for displacements of up to a pixel or so.
    """

    def __init__(self) -> None:
        self._updated_s = -np.inf
        self._basis: NDArray[np.float64] = np.empty((0, 0))
        self._inverse: NDArray[np.floating] = np.empty((0, 0))

    def of(
        self, picture: NDArray[np.float32], average: NDArray[np.float32], time_s: float
    ) -> NDArray[np.float64]:
        """Displacement right and down, in pixels: (2,); `picture` and `average` are (H, W)."""
        if time_s - self._updated_s >= _GRADIENT_S:
            down, right = (np.gradient(average, axis=axis) for axis in (0, 1))
            columns = [each[::2, ::2].ravel() for each in (right, down, np.ones_like(average))]
            self._basis = np.stack(columns, axis=-1).astype(np.float64)
            self._inverse = np.linalg.pinv(self._basis)
            self._updated_s = time_s
        residual = (picture - average)[::2, ::2].ravel()
        # What moves by itself, as clouds and birds do, is weighted down once.
        first = self._inverse @ residual
        rest = np.abs(residual - self._basis @ first)
        kept = rest <= max(1.0, 3.0 * float(np.median(rest)))
        basis = self._basis[kept]
        solved, *_ = np.linalg.lstsq(basis, residual[kept], rcond=None)
        return -np.asarray(solved[:2])


def fastest_drift_px_per_s(frames: NDArray[np.uint8], times_s: NDArray[np.float64]) -> float:
    """90th percentile of the speeds of the textured tiles of a stretch of footage.

    Each tile is compared by phase correlation over a long lag, which shows slow drifts, or where
    it cannot be found again over a short one. NaN if there is no texture.

    Args:
        frames: (T, H, W).
        times_s: (T,), their times.
    """
    step_s, last = float(np.median(np.diff(times_s))), len(frames) - 1
    speeds: list[float] = []
    for start in np.unique(np.linspace(0, last, _PAIRS + 1)[:-1].astype(int)):
        of_lags = []
        for lag_s in (_LONG_LAG_S, _SHORT_LAG_S):
            end = min(start + max(1, round(lag_s / step_s)), last)
            of_lags.append(_speeds(frames[start], frames[end], times_s[end] - times_s[start]))
        speeds += np.where(np.isnan(of_lags[0]), of_lags[1], of_lags[0]).tolist()
    known = np.array(speeds)[~np.isnan(speeds)]
    return float(np.percentile(known, 90.0)) if known.size else np.nan


def _speeds(one: NDArray[np.uint8], other: NDArray[np.uint8], lag_s: float) -> NDArray[np.float64]:
    """Speed of each tile in pixels a second: (N,); NaN where nothing can be matched."""
    window = np.outer(np.hanning(_TILE_PX), np.hanning(_TILE_PX)).astype(np.float32)
    first, second = (_texture(each) for each in (one, other))
    rows, columns = one.shape
    speeds = []
    for top in range(0, rows - _TILE_PX + 1, _TILE_PX):
        for left in range(0, columns - _TILE_PX + 1, _TILE_PX):
            tile = np.s_[top : top + _TILE_PX, left : left + _TILE_PX]
            speeds.append(_speed(first[tile], second[tile], window, lag_s))
    return np.array(speeds)


def _texture(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What is larger than noise and smaller than a tile: (H, W)."""
    smooth = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 1.5)
    return np.asarray(smooth - cv2.GaussianBlur(smooth, (0, 0), _TILE_PX / 4), np.float32)


def _speed(
    one: NDArray[np.float32], other: NDArray[np.float32], window: NDArray[np.float32], lag_s: float
) -> float:
    if min(one.std(), other.std()) < _MIN_CONTRAST:
        return np.nan
    shift, response = cv2.phaseCorrelate(one, other, window)
    distance = math.hypot(*shift)
    is_found = response > _MIN_RESPONSE and distance < _TILE_PX / 3
    return distance / lag_s if is_found else np.nan
