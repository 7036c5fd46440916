"""What the weighted F needs of a mask: nearest foreground pixels and weights of errors."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from fgstp.scoring.nearest import REACH, nearest_foreground

# exp(ln 0.5 / 5 * d) is below half a rounding step of 2 from here on.
FURTHEST_PX = 272


@dataclass(frozen=True, eq=False)
class Weighting:
    """Margolin et al. (CVPR 2014), the parts of Eqs. 6 to 9 that no prediction changes.

    Attributes:
        box: bounding box of the foreground and 3 pixels around it, within the frame.
        inside: flat indices in the box of the foreground.
        edge: flat indices in the box of background pixels near the foreground.
        edge_source: for each of those, flat index of the nearest foreground pixel.
        background_weight: (H * W,) float64, weight of an error on each background pixel,
            1 beside the foreground up to 2 far from it; 0 on the foreground.
    """

    box: tuple[slice, slice]
    inside: NDArray[np.intp]
    edge: NDArray[np.intp]
    edge_source: NDArray[np.intp]
    background_weight: NDArray[np.float64]

    @classmethod
    def from_mask(cls, mask: NDArray[np.bool_]) -> "Weighting":
        """Compute it.

        Args:
            mask: (H, W) bool, at least one pixel of it True.
        """
        box = (_span(mask, axis=1), _span(mask, axis=0))
        part = np.ascontiguousarray(mask[box])
        edge, edge_source = nearest_foreground(part)
        return cls(box, np.flatnonzero(part), edge, edge_source, background_weight(mask).ravel())


def background_weight(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """2 - exp(ln 0.5 / 5 * distance to the foreground); 0 on it.

    Args:
        mask: (H, W) bool, at least one pixel of it True.

    Returns:
        (H, W) float64.
    """
    background = (~mask).view(np.uint8)
    distance = cv2.distanceTransform(background, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # Single precision, but the square is a whole number, and as far as it matters an exact one.
    squared = np.rint(np.square(np.minimum(distance, FURTHEST_PX))).astype(np.intp)
    return _weight_by_square()[squared]


@cache
def _weight_by_square() -> NDArray[np.float64]:
    distance = np.sqrt(np.arange(FURTHEST_PX**2 + 1))
    weight = 2 - np.exp(np.log(0.5) / 5 * distance)
    weight[0] = 0
    return weight


def _span(mask: NDArray[np.bool_], axis: int) -> slice:
    """Places that hold foreground, looked at along the other axis, and 3 more on each side."""
    places = np.flatnonzero(mask.any(axis=axis))
    return slice(max(int(places[0]) - REACH, 0), int(places[-1]) + REACH + 1)
