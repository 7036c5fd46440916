"""Mean absolute error, IoU and Dice."""

import numpy as np
from numpy.typing import NDArray

from fgstp.scoring.tally import Tally


def mean_absolute_error(tally: Tally) -> NDArray[np.float64]:
    """Mean of |p - G| of each frame.

    Args:
        tally: of T frames.

    Returns:
        (T,) float64, 0 to 1.
    """
    distance = np.stack([tally.probability, 1 - tally.probability], axis=1)
    return np.asarray(np.einsum("tgl,tgl->t", tally.by_mask, distance) / tally.n_pixels)


def overlap_curves(
    tally: Tally, *, credit_empty: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """IoU and Dice at the thresholds 0 to 255; both are 0 without a true positive.

    Args:
        tally: of T frames.
        credit_empty: give 1 to an empty prediction of an empty mask.

    Returns:
        IoU = TP / (TP + FP + FN) and Dice = 2 TP / (2 TP + FP + FN), both (T, 256) float64.
    """
    false_positive, true_positive = tally.predicted[:, 0], tally.predicted[:, 1]
    foreground = tally.n_foreground[:, None]
    # At least 1: where the union is empty, so is its part that both share.
    union = np.maximum(foreground + false_positive, 1)
    iou = true_positive / union
    dice = 2 * true_positive / (union + true_positive)
    if credit_empty:
        right = (foreground == 0) & (false_positive == 0)
        iou[right] = dice[right] = 1.0
    return iou, dice
