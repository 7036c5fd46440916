"""E-measure: enhanced alignment."""

import numpy as np
from numpy.typing import NDArray

from fgstp.scoring.tally import Tally

EPSILON = float(np.spacing(1))
TIE = 1e-12


def alignment_curve(tally: Tally, predicted: NDArray[np.int64]) -> NDArray[np.float64]:
    """E-measure of binary maps.

    With a and b the map and the mask less their means, the alignment of a pixel is
    2ab / (a^2 + b^2), and the measure the sum of (alignment + 1)^2 / 4 over N - 1. It can
    therefore exceed 1 a little, in tiny frames much. Where the mask is empty or full, the
    sum is the number of pixels predicted rightly.

    Args:
        tally: of T frames.
        predicted: (T, 2, K), false and true positives of K maps.

    Returns:
        (T, K) float64.

    References:
        Fan et al.: Enhanced-alignment Measure for Binary Foreground Map Evaluation. IJCAI 2018.
    """
    n_pixels, foreground = tally.n_pixels, tally.n_foreground[:, None]
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


def adaptively_predicted(tally: Tally, frames: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Pixels whose probability is at least twice the frame's mean, or is 1.

    Args:
        tally: of T frames.
        frames: the predictions, (T, H, W) uint8; read only where a probability equals twice
            the mean, so that rounding decides as it does in a sum over pixels.

    Returns:
        (T, 2): false and true positives.
    """
    mean = tally.mean_probability.copy()
    gap = np.abs(tally.probability - 2 * mean[:, None])
    inner = (tally.probability > 0) & (tally.probability < 1) & (tally.by_mask.sum(axis=1) > 0)
    for number in np.flatnonzero(((gap < TIE) & inner).any(axis=1)):
        mean[number] = tally.probability[number][frames[number]].mean()
    reached = tally.probability >= np.minimum(2 * mean, 1)[:, None]
    return np.asarray(np.einsum("tgl,tl->tg", tally.by_mask, reached.astype(np.int64)))
