"""Weighted F-measure.

Margolin, Zelnik-Manor, Tal: How to Evaluate Foreground Maps? CVPR 2014.
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from fgstp.scoring.frames import Frames
from fgstp.scoring.ground_truth import GroundTruth, once
from fgstp.scoring.metrics import metric

SIGMA_PX = 5.0
REACH = 3  # of the smoothing window of 7 x 7 pixels
# exp(ln 0.5 / 5 * d) is below half a rounding step of 2 from here on.
FURTHEST_PX = 272
EPSILON = float(np.spacing(1))
Floats = NDArray[np.float64]


@metric(
    "weighted_f",
    "Fw",
    "weighted F-measure",
    tex=r"$F^{\omega}_{\beta}$",
    undefined_under=("skip", "credit"),
)
def weighted_f(frames: Frames) -> Floats:
    """(T,), 0 to 1: weighted F-measure with beta = 1.

    Errors on the foreground are smoothed where that makes them smaller; the weight of errors on
    the background increases with the distance to the foreground. For an empty mask, where it is
    undefined, it is 0, as in PySODMetrics.
    """
    parts = zip(frames.predictions, frames.probability, frames.truths, strict=True)
    return np.array([_of_frame(cv2.LUT(map_, levels), truth) for map_, levels, truth in parts])


def _of_frame(probability: Floats, truth: GroundTruth) -> float:
    if not truth.n_foreground:
        return 0.0
    weighting = _weighting(truth)
    error = 1 - probability[weighting.box]
    spread = error.copy()
    spread.ravel()[weighting.edge] = error.ravel()[weighting.edge_source]
    smooth = cv2.sepFilter2D(spread, cv2.CV_64F, _gauss(), _gauss(), borderType=cv2.BORDER_CONSTANT)
    foreground_error = float(np.minimum(error, smooth).ravel()[weighting.inside].sum())
    # Not `@`, whose threads cost more than so short a product.
    background_error = float(np.einsum("i,i->", weighting.background_weight, probability.ravel()))

    true_positive = truth.n_foreground - foreground_error
    recall = 1 - foreground_error / truth.n_foreground
    precision = true_positive / (true_positive + background_error + EPSILON)
    return 2 * recall * precision / (recall + precision + EPSILON)


@cache
def _gauss() -> Floats:
    """(7,): one axis of the 7 x 7 Gaussian, with sum 1."""
    places = np.arange(-REACH, REACH + 1)
    kernel = np.exp(-np.square(places) / (2 * SIGMA_PX**2))
    return kernel / kernel.sum()


@dataclass(frozen=True, eq=False)
class Weighting:
    """The parts of Eqs. 6 to 9 that depend on the mask alone.

    Attributes:
        box: bounding box of the foreground with a margin of 3 pixels, within the frame.
        inside: flat indices in the box of the foreground.
        edge: flat indices in the box of background pixels near the foreground.
        edge_source: flat indices in the box of the foreground pixel nearest to each of `edge`.
        background_weight: (H * W,) float64, see `background_weight`.
    """

    box: tuple[slice, slice]
    inside: NDArray[np.intp]
    edge: NDArray[np.intp]
    edge_source: NDArray[np.intp]
    background_weight: Floats


@once
def _weighting(truth: GroundTruth) -> Weighting:
    mask = truth.mask
    box = (_span(mask, axis=1), _span(mask, axis=0))
    part = np.ascontiguousarray(mask[box])
    edge, edge_source = nearest_foreground(part)
    return Weighting(box, np.flatnonzero(part), edge, edge_source, background_weight(mask).ravel())


def _span(mask: NDArray[np.bool_], axis: int) -> slice:
    """Extent of the foreground along the other axis, with a margin of 3 pixels."""
    places = np.flatnonzero(mask.any(axis=axis))
    return slice(max(int(places[0]) - REACH, 0), int(places[-1]) + REACH + 1)


def background_weight(mask: NDArray[np.bool_]) -> Floats:
    """(H, W): 2 - exp(ln 0.5 / 5 * distance to the foreground); 0 on the foreground.

    Args:
        mask: (H, W) bool with at least one True.
    """
    background = (~mask).view(np.uint8)
    distance = cv2.distanceTransform(background, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # Single precision, but the square is a whole number, exact as far as it matters.
    squared = np.rint(np.square(np.minimum(distance, FURTHEST_PX))).astype(np.intp)
    return _weight_by_square()[squared]


@cache
def _weight_by_square() -> Floats:
    distance = np.sqrt(np.arange(FURTHEST_PX**2 + 1))
    weight = 2 - np.exp(np.log(0.5) / 5 * distance)
    weight[0] = 0
    return weight


def nearest_foreground(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Find the nearest foreground pixel of all background pixels within 3 rows and 3 columns.

    None is further than sqrt(18) from the foreground, so a few dozen steps find them all, much
    faster than an exact distance transform with indices. Ties go to the leftmost column, then to
    the topmost row, as in SciPy's `distance_transform_edt`, which PySODMetrics uses.

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
    """(dy, dx) by length, then column, then row."""
    longest = 2 * REACH**2
    span = range(-int(longest**0.5), int(longest**0.5) + 1)
    steps = [(dy, dx) for dy in span for dx in span if 0 < dy * dy + dx * dx <= longest]
    return sorted(steps, key=lambda step: (step[0] ** 2 + step[1] ** 2, step[1], step[0]))
