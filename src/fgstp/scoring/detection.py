"""Detection by frame: frame scores and false alarms."""

import numpy as np
from numpy.typing import NDArray

from fgstp.scoring.grey_levels import N_LEVELS
from fgstp.scoring.tally import Tally


def frame_scores(tally: Tally, share: float) -> NDArray[np.float64]:
    """How surely each frame holds gas: mean of its highest probabilities.

    They are the model's own, never stretched by a protocol: a stretch would make every
    frame reach 1.

    Args:
        tally: of T frames.
        share: share of the pixels that counts, at least one pixel.

    Returns:
        (T,) float64, 0 to 1.
    """
    n_highest = max(1, round(share * tally.n_pixels))
    from_top = tally.by_mask.sum(axis=1)[:, ::-1]
    higher = from_top.cumsum(axis=1) - from_top
    taken = np.clip(n_highest - higher, 0, from_top)
    return np.asarray(taken @ np.arange(N_LEVELS)[::-1] / (255 * n_highest))


def false_alarms(
    tally: Tally, threshold: int, alarm_pixels: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """False alarms on frames whose mask is empty.

    Args:
        tally: of T frames.
        threshold: level from which a pixel is predicted, 0 to 255.
        alarm_pixels: pixels from which a frame is a false alarm.

    Returns:
        Fraction of pixels predicted, and 1 where the frame is a false alarm, else 0;
        both (T,) float64, NaN where the mask is not empty.
    """
    pixels = tally.predicted[:, 0, threshold]
    leak_free = tally.n_foreground == 0
    return (
        np.where(leak_free, pixels / tally.n_pixels, np.nan),
        np.where(leak_free, pixels >= alarm_pixels, np.nan),
    )
