"""Grey levels: what each of the 256 values of a prediction stands for."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

N_LEVELS = 256


@dataclass(frozen=True, eq=False)
class GreyLevels:
    """Tables from the grey levels of one frame; nothing else is done to its pixels.

    Attributes:
        probability: (256,) float64 in [0, 1], what the soft metrics see.
        level: (256,) uint8, what thresholds are held against (`level >= threshold`).
    """

    probability: NDArray[np.float64]
    level: NDArray[np.uint8]


@lru_cache(maxsize=4096)
def grey_levels(
    low: int, high: int, norm: Literal["minmax", "none"], binary_at: int | None = None
) -> GreyLevels:
    """Tables of a frame from its extremes.

    The order of the operations is PySODMetrics': a quotient by 255, a difference, a quotient
    by the range, and a cut, not a rounding, back to 8 bits. Rounding errors in it decide
    which pixels reach a threshold, so another order would give other curves.

    Args:
        low: smallest level of the frame.
        high: largest level of the frame.
        norm: `minmax` stretches [low, high] to [0, 1], a constant frame excepted.
        binary_at: level from which a pixel becomes 1 and below which it becomes 0, after
            the stretch; None leaves the map soft.
    """
    probability = np.arange(N_LEVELS) / 255
    level = np.arange(N_LEVELS, dtype=np.uint8)
    if norm == "minmax":
        if low != high:
            span = probability[high] - probability[low]
            probability = np.clip((probability - probability[low]) / span, 0, 1)
        level = (probability * 255).astype(np.uint8)
    if binary_at is not None:
        level = np.where(level >= binary_at, 255, 0).astype(np.uint8)
        probability = level / 255
    probability.flags.writeable = level.flags.writeable = False
    return GreyLevels(probability, level)
