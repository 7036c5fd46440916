"""Metrics of maps that follow from counts of pixels: MAE, IoU, Dice, S-measure and E-measure."""

import numpy as np
from numpy.typing import NDArray

from fgstp.scoring.frames import Frames
from fgstp.scoring.ground_truth import once
from fgstp.scoring.metrics import metric

EPSILON = float(np.spacing(1))
TIE = 1e-12  # between a probability and the adaptive threshold
Floats = NDArray[np.float64]


@metric("mae", "MAE", "mean absolute error", tex=r"$\mathcal{M}$", lower_is_better=True)
def mean_absolute_error(frames: Frames) -> Floats:
    """(T,), 0 to 1: mean of |p - G| of each frame."""
    distance = np.stack([frames.probability, 1 - frames.probability], axis=1)
    return np.asarray(np.einsum("tgl,tgl->t", frames.by_mask, distance) / frames.n_pixels)


@metric("iou_mean", "mIoU", "IoU, mean over 256 thresholds")
def mean_iou(frames: Frames) -> Floats:
    """(T,), 0 to 1."""
    return overlap_curves(frames)[0].mean(axis=1)


@metric("dice_mean", "mDice", "Dice, mean over 256 thresholds")
def mean_dice(frames: Frames) -> Floats:
    """(T,), 0 to 1."""
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
    """IoU and Dice at the thresholds 0 to 255, both (T, 256).

    IoU = TP / (TP + FP + FN) and Dice = 2 TP / (2 TP + FP + FN), and 1 for an empty prediction of
    an empty mask under `empty: credit`, else 0.
    """
    false_positive, true_positive = frames.predicted[:, 0], frames.predicted[:, 1]
    foreground = frames.n_foreground[:, None]
    # At least 1: an empty union has no true positives.
    union = np.maximum(foreground + false_positive, 1)
    iou = true_positive / union
    dice = 2 * true_positive / (union + true_positive)
    if frames.protocol.empty == "credit":
        right = (foreground == 0) & (false_positive == 0)
        iou[right] = dice[right] = 1.0
    return iou, dice


@metric("s_measure", "S", "structure measure", tex=r"$S_\alpha$")
def structure_measure(frames: Frames) -> Floats:
    """(T,), 0 to 1: S-measure with alpha = 0.5; negative values become 0.

    With an empty mask it is 1 minus the mean of the prediction, with a full mask the mean.

    References:
        Fan et al.: Structure-measure: A New Way to Evaluate Foreground Maps. ICCV 2017.
    """
    mean, foreground = frames.mean_probability, frames.n_foreground
    score = np.maximum((_by_object(frames) + _by_region(frames)) / 2, 0)
    score = np.where(foreground == 0, 1 - mean, score)
    return np.where(foreground == frames.n_pixels, mean, score)


def _by_object(frames: Frames) -> Floats:
    """Mean and spread of the prediction on the mask, and of its complement off the mask."""
    share = frames.n_foreground / frames.n_pixels
    background, foreground = frames.by_mask[:, 0], frames.by_mask[:, 1]
    on_mask = _likeness(*_moments(foreground, frames.probability))
    off_mask = _likeness(*_moments(background, 1 - frames.probability))
    return share * on_mask + (1 - share) * off_mask


def _likeness(mean: Floats, variance: Floats) -> Floats:
    return np.asarray(2 * mean / (np.square(mean) + 1 + np.sqrt(variance) + EPSILON))


def _by_region(frames: Frames) -> Floats:
    """Similarity of the four blocks around the centroid, weighted by area."""
    counts = frames.counts
    size, foreground = counts.sum(axis=(2, 3)), counts[:, :, 1].sum(axis=2)
    probability = frames.probability[:, None, :]
    mean, variance = _moments(counts.sum(axis=2), probability)
    mean_on_mask, _ = _moments(counts[:, :, 1], probability)
    mask_mean = foreground / np.maximum(size, 1)
    freedom = np.maximum(size - 1, 1)
    mixed = (foreground > 0) & (foreground < size)
    covariance = np.where(mixed, foreground * (mean_on_mask - mean) / freedom, 0)
    mask_variance = size * mask_mean * (1 - mask_mean) / freedom
    mask_variance = np.where(mixed, mask_variance, 0)

    above = 4 * mean * mask_mean * covariance
    below = (np.square(mean) + np.square(mask_mean)) * (variance + mask_variance)
    similarity = np.where(above == 0, below == 0, above / (below + EPSILON))
    _settle_flat_blocks(similarity, ~mixed, frames)
    return np.asarray((similarity * size).sum(axis=1) / frames.n_pixels)


def _settle_flat_blocks(similarity: Floats, flat_mask: NDArray[np.bool_], frames: Frames) -> None:
    """Let rounding decide in blocks where mask and prediction are both constant, in place.

    In exact arithmetic such a block has no variance and a similarity of 1. In a sum over pixels,
    as in PySODMetrics, a constant other than 0 and 1 may differ from its own mean in the last
    digit; then there is variance and the similarity is 0.
    """
    levels = frames.counts.sum(axis=2)
    inner = (frames.probability > 0) & (frames.probability < 1)
    flat = ((levels > 0).sum(axis=2) == 1) & (levels * inner[:, None, :]).any(axis=2)
    for number, block in np.argwhere(flat & flat_mask):
        values = frames.probability[number][frames.predictions[number]]
        values = values[frames.truths[number].blocks[block]]
        similarity[number, block] = float(values.mean() == values[0, 0])


def _moments(counts: NDArray[np.int64], values: Floats) -> tuple[Floats, Floats]:
    """Mean and sample variance (n - 1) of counted values over the last axis; 0 without any."""
    number = counts.sum(axis=-1)
    mean = (counts * values).sum(axis=-1) / np.maximum(number, 1)
    squares = (counts * np.square(values - mean[..., None])).sum(axis=-1)
    return mean, np.where(number > 1, squares / np.maximum(number - 1, 1), 0)


@metric("e_mean", "E", "E-measure, mean over 256 thresholds", tex=r"$E_\phi$")
def mean_alignment(frames: Frames) -> Floats:
    """(T,): E-measure, mean over 256 thresholds."""
    return alignment_curves(frames)[:, :-1].mean(axis=1)


@metric("e_adaptive")
def adaptive_alignment(frames: Frames) -> Floats:
    """(T,): E-measure at twice the mean of the frame as threshold."""
    return alignment_curves(frames)[:, -1]


@metric("e_max")
def maximal_alignment(frames: Frames) -> Floats:
    """(T,): E-measure, maximum over 256 thresholds."""
    return alignment_curves(frames)[:, :-1].max(axis=1)


@once
def alignment_curves(frames: Frames) -> Floats:
    """(T, 257): E-measure at the thresholds 0 to 255, and at the adaptive one.

    With a and b the map and the mask minus their means, the alignment of a pixel is
    2ab / (a^2 + b^2), and the measure is the sum of (alignment + 1)^2 / 4 divided by N - 1, so it
    can exceed 1, slightly unless the frame is tiny. Where the mask is empty or full, the sum is
    the number of correct pixels.

    References:
        Fan et al.: Enhanced-alignment Measure for Binary Foreground Map Evaluation. IJCAI 2018.
    """
    predicted = np.concatenate([frames.predicted, _adaptively_predicted(frames)], axis=2)
    n_pixels, foreground = frames.n_pixels, frames.n_foreground[:, None]
    positive = predicted.sum(axis=1)
    map_mean, mask_mean = positive / n_pixels, foreground / n_pixels
    total = np.zeros(positive.shape)
    for mask_value, of_mask in enumerate((n_pixels - foreground, foreground)):
        b = mask_value - mask_mean
        for map_value in (0, 1):
            a = map_value - map_mean
            alignment = 2 * a * b / (a * a + b * b + EPSILON)
            hits = predicted[:, mask_value]
            pixels = hits if map_value else of_mask - hits
            total += pixels * np.square(alignment + 1) / 4
    total = np.where(foreground == 0, n_pixels - positive, total)
    total = np.where(foreground == n_pixels, positive, total)
    return total / (n_pixels - 1 + EPSILON)


def _adaptively_predicted(frames: Frames) -> NDArray[np.int64]:
    """(T, 2, 1): false and true positives where the probability is twice the mean or more, or 1.

    Where a probability equals twice the mean, the mean is computed over pixels, so that rounding
    decides as in PySODMetrics.
    """
    mean, probability = frames.mean_probability.copy(), frames.probability
    gap = np.abs(probability - 2 * mean[:, None])
    inner = (probability > 0) & (probability < 1) & (frames.by_mask.sum(axis=1) > 0)
    for number in np.flatnonzero(((gap < TIE) & inner).any(axis=1)):
        mean[number] = probability[number][frames.predictions[number]].mean()
    reached = probability >= np.minimum(2 * mean, 1)[:, None]
    return np.asarray(np.einsum("tgl,tl->tg", frames.by_mask, reached.astype(np.int64)))[..., None]
