"""Scores of validation frames: those that choose a checkpoint, and the threshold of frames."""

import numpy as np
from numpy.typing import NDArray


def overlap(found: NDArray[np.bool_], masks: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Pixels of each frame (H, W) of T that are gas in both, in either, and in the mask: (3, T)."""
    return np.count_nonzero([found & masks, found | masks, masks], axis=(2, 3))


def validation_scores(overlaps: NDArray[np.int64]) -> dict[str, float]:
    """The scores that can choose a checkpoint, of overlaps (3, T); see `TrainSettings.monitor`."""
    both, either, gas = overlaps
    iou = (both + (either == 0)) / np.maximum(either, 1)
    return {
        "val_miou": float(iou.mean()),
        "val_miou_gas": float(iou[gas > 0].mean()) if gas.any() else 0.0,
        "val_iou": float(both.sum() / max(either.sum(), 1)),
    }


def youden_threshold(gas: NDArray[np.bool_], scores: NDArray[np.float64]) -> float | None:
    """The frame score that divides frames with gas from others best.

    It maximises Youden's J = (share of the frames with gas that reach it) - (share of the others
    that do), and lies midway between two scores that occur; of several, the nearest to 0.5 is
    taken.

    Args:
        gas: (T,) whether each frame holds gas.
        scores: (T,) frame scores, finite.

    Returns:
        The threshold; None if all frames hold gas or none does, or if all scores are equal.

    References:
        Youden: Index for rating diagnostic tests. Cancer 3, 1950.
    """
    levels, place = np.unique(scores, return_inverse=True)
    if gas.all() or not gas.any() or len(levels) < 2:
        return None
    rates = [np.bincount(place[kind], minlength=len(levels)) / kind.sum() for kind in (gas, ~gas)]
    reaching = [rate[::-1].cumsum()[::-1][1:] for rate in rates]  # each level but the lowest
    youden = reaching[0] - reaching[1]
    middles = (levels[:-1] + levels[1:]) / 2
    best = middles[youden >= youden.max() - 1e-12]
    return float(best[np.abs(best - 0.5).argmin()])
