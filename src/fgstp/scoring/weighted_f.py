"""Weighted F-measure."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from fgstp.scoring.ground_truth import GroundTruth
from fgstp.scoring.nearest import REACH

SIGMA_PX = 5.0
EPSILON = float(np.spacing(1))


def weighted_f(probability: NDArray[np.float64], truth: GroundTruth) -> float:
    """Weighted F-measure of one frame with beta squared of 1.

    Errors on the foreground are smoothed where that makes them smaller, errors on the
    background weigh the more the further they are from it.

    Args:
        probability: (H, W) float64 in [0, 1].
        truth: its ground truth.

    Returns:
        0 to 1; 0 on an empty mask, where it is undefined (PySODMetrics gives the same).

    References:
        Margolin, Zelnik-Manor, Tal: How to Evaluate Foreground Maps? CVPR 2014.
    """
    weighting = truth.weighting
    if weighting is None:
        return 0.0
    error = 1 - probability[weighting.box]
    spread = error.copy()
    spread.ravel()[weighting.edge] = error.ravel()[weighting.edge_source]
    smooth = cv2.sepFilter2D(spread, cv2.CV_64F, _gauss(), _gauss(), borderType=cv2.BORDER_CONSTANT)
    foreground_error = float(np.minimum(error, smooth).ravel()[weighting.inside].sum())
    # Not `@`: a library that splits so short a product over threads waits for them longer.
    background_error = float(np.einsum("i,i->", weighting.background_weight, probability.ravel()))

    true_positive = truth.n_foreground - foreground_error
    recall = 1 - foreground_error / truth.n_foreground
    precision = true_positive / (true_positive + background_error + EPSILON)
    return 2 * recall * precision / (recall + precision + EPSILON)


@cache
def _gauss() -> NDArray[np.float64]:
    """(7,): one axis of the 7 x 7 Gaussian, sum 1."""
    places = np.arange(-REACH, REACH + 1)
    kernel = np.exp(-np.square(places) / (2 * SIGMA_PX**2))
    return kernel / kernel.sum()
