"""Overlap of map and mask: mean absolute error, IoU and Dice."""

import numpy as np
from numpy.typing import NDArray

from fgstp.scoring.frames import Frames
from fgstp.scoring.ground_truth import once
from fgstp.scoring.metrics import metric

Floats = NDArray[np.float64]


@metric("mae", "MAE", "mean absolute error", tex=r"$\mathcal{M}$", lower_is_better=True)
def mean_absolute_error(frames: Frames) -> Floats:
    """(T,), 0 to 1: mean of |p - G| of each frame."""
    distance = np.stack([frames.probability, 1 - frames.probability], axis=1)
    return np.asarray(np.einsum("tgl,tgl->t", frames.by_mask, distance) / frames.n_pixels)


@metric("iou_mean", "mIoU", "IoU, mean over 256 thresholds")
def mean_iou(frames: Frames) -> Floats:
    """(T,), 0 to 1: IoU, mean over 256 thresholds."""
    return overlap_curves(frames)[0].mean(axis=1)


@metric("dice_mean", "mDice", "Dice, mean over 256 thresholds")
def mean_dice(frames: Frames) -> Floats:
    """(T,), 0 to 1: Dice, mean over 256 thresholds."""
    return overlap_curves(frames)[1].mean(axis=1)


@metric("iou_gas", "mIoU@t gas", "mean IoU at t over frames with gas", over="gas")
@metric("iou", "mIoU@t", "mean IoU at the threshold t")
def iou(frames: Frames) -> Floats:
    """(T,), 0 to 1: IoU at the protocol's threshold."""
    return overlap_curves(frames)[0][:, frames.threshold]


@metric("dice", "mDice@t", "mean Dice at the threshold t")
def dice(frames: Frames) -> Floats:
    """(T,), 0 to 1: Dice at the protocol's threshold."""
    return overlap_curves(frames)[1][:, frames.threshold]


@once
def overlap_curves(frames: Frames) -> tuple[Floats, Floats]:
    """IoU and Dice at the thresholds 0 to 255; both are 0 without a true positive.

    Under `empty: credit` an empty prediction of an empty mask has 1.

    Returns:
        IoU = TP / (TP + FP + FN) and Dice = 2 TP / (2 TP + FP + FN), both (T, 256) float64.
    """
    false_positive, true_positive = frames.predicted[:, 0], frames.predicted[:, 1]
    foreground = frames.n_foreground[:, None]
    # At least 1: where the union is empty, so is its part that both share.
    union = np.maximum(foreground + false_positive, 1)
    iou = true_positive / union
    dice = 2 * true_positive / (union + true_positive)
    if frames.protocol.empty == "credit":
        right = (foreground == 0) & (false_positive == 0)
        iou[right] = dice[right] = 1.0
    return iou, dice
