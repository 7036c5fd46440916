"""S-measure: structure, half by object and half by region."""

import numpy as np
from numpy.typing import NDArray

from fgstp.scoring.frames import Frames
from fgstp.scoring.metrics import metric

EPSILON = float(np.spacing(1))
Floats = NDArray[np.float64]


@metric("s_measure", "S", "structure measure", tex=r"$S_\alpha$")
def structure_measure(frames: Frames) -> Floats:
    """(T,), 0 to 1: S-measure with alpha of 0.5, at least 0.

    Where the mask is empty it is 1 less the mean of the prediction, where it is full the mean.

    References:
        Fan et al.: Structure-measure: A New Way to Evaluate Foreground Maps. ICCV 2017.
    """
    mean, foreground = frames.mean_probability, frames.n_foreground
    score = np.maximum((_by_object(frames) + _by_region(frames)) / 2, 0)
    score = np.where(foreground == 0, 1 - mean, score)
    return np.where(foreground == frames.n_pixels, mean, score)


def _by_object(frames: Frames) -> Floats:
    """Mean and spread of the prediction on the mask, and of its complement off it."""
    share = frames.n_foreground / frames.n_pixels
    background, foreground = frames.by_mask[:, 0], frames.by_mask[:, 1]
    on_mask = _likeness(*_moments(foreground, frames.probability))
    off_mask = _likeness(*_moments(background, 1 - frames.probability))
    return share * on_mask + (1 - share) * off_mask


def _likeness(mean: Floats, variance: Floats) -> Floats:
    return np.asarray(2 * mean / (np.square(mean) + 1 + np.sqrt(variance) + EPSILON))


def _by_region(frames: Frames) -> Floats:
    """Similarity of each of the four blocks beside the centroid, weighted by area.

    A block without pixels, where the centroid lies in the last row or column, has no weight.
    """
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
    """Let rounding decide in blocks where mask and prediction are both constant.

    Exactly, such a block has no variance and a similarity of 1. Summed over pixels, as
    PySODMetrics does, a constant other than 0 and 1 may differ from its own mean in the last
    digit; then there is variance and the similarity is 0. Changed in place.
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
