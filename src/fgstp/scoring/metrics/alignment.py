"""E-measure: enhanced alignment.

Fan et al.: Enhanced-alignment Measure for Binary Foreground Map Evaluation. IJCAI 2018.
"""

import numpy as np
from numpy.typing import NDArray

from fgstp.scoring.frames import Frames
from fgstp.scoring.ground_truth import once
from fgstp.scoring.metrics import metric

EPSILON = float(np.spacing(1))
TIE = 1e-12


@metric("e_mean", "E", "E-measure, mean over 256 thresholds", tex=r"$E_\phi$")
def mean_alignment(frames: Frames) -> NDArray[np.float64]:
    """(T,): E-measure, mean over 256 thresholds."""
    return _alignment(frames)[:, :-1].mean(axis=1)


@metric("e_adaptive")
def adaptive_alignment(frames: Frames) -> NDArray[np.float64]:
    """(T,): E-measure where the threshold is twice the mean of the frame."""
    return _alignment(frames)[:, -1]


@metric("e_max")
def maximal_alignment(frames: Frames) -> NDArray[np.float64]:
    """(T,): E-measure, maximum over 256 thresholds."""
    return _alignment(frames)[:, :-1].max(axis=1)


@once
def _alignment(frames: Frames) -> NDArray[np.float64]:
    """(T, 257): E-measure at the thresholds 0 to 255, and at the adaptive one.

    With a and b the map and the mask less their means, the alignment of a pixel is
    2ab / (a^2 + b^2), and the measure the sum of (alignment + 1)^2 / 4 over N - 1. It can
    therefore exceed 1 a little, in tiny frames much. Where the mask is empty or full, the
    sum is the number of pixels predicted rightly.
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

    Pixels are looked at only where a probability equals twice the mean, so that rounding decides
    as it does in a sum over pixels.
    """
    mean, probability = frames.mean_probability.copy(), frames.probability
    gap = np.abs(probability - 2 * mean[:, None])
    inner = (probability > 0) & (probability < 1) & (frames.by_mask.sum(axis=1) > 0)
    for number in np.flatnonzero(((gap < TIE) & inner).any(axis=1)):
        mean[number] = probability[number][frames.predictions[number]].mean()
    reached = probability >= np.minimum(2 * mean, 1)[:, None]
    return np.asarray(np.einsum("tgl,tl->tg", frames.by_mask, reached.astype(np.int64)))[..., None]
