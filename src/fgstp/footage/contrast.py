"""Contrast of footage: in how many grey levels most of its pixels lie."""

import numpy as np
from numpy.typing import NDArray

LEVELS = 256
MOST = 0.9  # of the pixels
FEW_LEVELS = 16  # real footage has 22 or more, in which most of its pixels lie
FRAME_STEP, PIXEL_STEP = 16, 4


class Contrast:
    """Counts the grey levels of a sample of frames and pixels.

    A faint plume differs from its background by a few levels. Where a flare, rows of telemetry or
    a wrong span take most of the 256, nothing is left of it. `has_span` tells whether the levels
    were made from 16 bits.
    """

    def __init__(self, *, has_span: bool) -> None:
        self._has_span = has_span
        self._histogram = np.zeros(LEVELS, np.int64)

    def take(self, frames: NDArray[np.uint8], times_s: NDArray[np.float64]) -> None:
        """Take consecutive frames, (T, H, W); their times do not matter."""
        sample = frames[::FRAME_STEP, ::PIXEL_STEP, ::PIXEL_STEP]
        self._histogram += np.bincount(sample.ravel(), minlength=LEVELS)

    def remarks(self) -> list[str]:
        """A sentence if the contrast is low, once all frames were taken."""
        share = np.cumsum(np.sort(self._histogram)[::-1]) / max(1, self._histogram.sum())
        n_levels = int(np.searchsorted(share, MOST)) + 1
        if n_levels >= FEW_LEVELS:
            return []
        told = f"{MOST:.0%} of its pixels have only {n_levels} grey levels: its contrast is low"
        remedy = "; set ingest.span to choose what becomes black and white"
        return [told + remedy if self._has_span else told]
