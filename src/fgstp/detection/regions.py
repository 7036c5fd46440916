"""Regions of a map of probability."""

import cv2
import numpy as np
from numpy.typing import NDArray

from fgstp.detection.settings import RegionSettings

Mask = NDArray[np.bool_]


def significant(
    probability: NDArray[np.float32],
    threshold: float,
    settings: RegionSettings,
    watched: Mask | None = None,
) -> Mask:
    """Pixels of the regions that count.

    A region is a set of connected pixels (8 neighbours), all above `low_fraction` of the threshold
    and at least one above it: hysteresis, as in Canny's edge detector.

    Args:
        probability: (H, W) float32 in [0, 1].
        threshold: in (0, 1).
        settings: least area and overlap.
        watched: (H, W) pixels of the zones that are watched; None for all.

    Returns:
        (H, W) bool.
    """
    speaks_for_gas = probability > threshold
    if not speaks_for_gas.any():
        return speaks_for_gas
    candidates = (probability > settings.low_fraction * threshold).astype(np.uint8)
    n_labels, labels, facts, _ = cv2.connectedComponentsWithStats(candidates, connectivity=8)
    areas = facts[:, cv2.CC_STAT_AREA]
    counts = np.zeros(n_labels, bool)
    counts[labels[speaks_for_gas]] = True
    counts &= areas >= settings.min_area_fraction * probability.size
    if watched is not None:
        inside = np.bincount(labels[watched], minlength=n_labels)
        counts &= inside >= settings.min_overlap_fraction * areas
    counts[0] = False  # the background
    return np.asarray(counts[labels])


def outlines(region: Mask) -> list[NDArray[np.int32]]:
    """Outer outlines of a region, the largest first: each (N, 2), column and row in pixels."""
    found, _ = cv2.findContours(region.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return sorted((np.asarray(each[:, 0], np.int32) for each in found), key=_area, reverse=True)


def _area(outline: NDArray[np.int32]) -> float:
    return float(cv2.contourArea(outline))
