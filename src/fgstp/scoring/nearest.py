"""Nearest foreground pixel of the background pixels beside the foreground."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

REACH = 3


def nearest_foreground(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Find them for all pixels within 3 rows and 3 columns of a foreground pixel.

    Those are the pixels that a 7 x 7 window around a foreground pixel can hold, and none
    is further than sqrt(18) from the foreground, so a few dozen steps find them all: an
    exact distance transform with indices of the whole frame costs many times more.
    Of equally near pixels the one in the leftmost column counts, and in it the topmost:
    the one that SciPy's `distance_transform_edt`, and so PySODMetrics, takes.

    Args:
        mask: (H, W) bool.

    Returns:
        Flat indices of the background pixels, and of the foreground pixel nearest to each.
    """
    width = mask.shape[1]
    window = np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)
    near = np.flatnonzero(cv2.dilate(mask.view(np.uint8), window).ravel() > mask.ravel())
    margin = max(dx for _, dx in _steps())
    stride = width + 2 * margin
    padded = np.pad(mask, margin).ravel()
    place = near + (near // width) * 2 * margin + margin * (stride + 1)
    nearest = near.copy()
    open_ones = np.arange(near.size)
    for dy, dx in _steps():
        if not open_ones.size:
            break
        found = padded[place[open_ones] + dy * stride + dx]
        nearest[open_ones[found]] += dy * width + dx
        open_ones = open_ones[~found]
    return near, nearest


@cache
def _steps() -> list[tuple[int, int]]:
    """(dy, dx) from the shortest to the longest, equally long ones by column, then row."""
    longest = 2 * REACH**2
    span = range(-int(longest**0.5), int(longest**0.5) + 1)
    steps = [(dy, dx) for dy in span for dx in span if 0 < dy * dy + dx * dx <= longest]
    return sorted(steps, key=lambda step: (step[0] ** 2 + step[1] ** 2, step[1], step[0]))
