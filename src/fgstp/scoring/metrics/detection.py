"""Detection of frames with gas: frame scores, rankings, and false alarms."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fgstp.core.errors import UserError
from fgstp.scoring.frames import Frames
from fgstp.scoring.ground_truth import N_LEVELS
from fgstp.scoring.metrics import metric

Floats = NDArray[np.float64]
TOP_FRACTION = 0.001  # of the pixels, as in the default score of a model's session
OfRanking = Callable[[Floats, Floats], float]


def frame_scores(frames: Frames) -> Floats:
    """(T,), 0 to 1: mean of the highest 0.1 % of the pixels of each frame, at least one pixel.

    Probabilities are as predicted, whatever the protocol: normalisation would make every frame
    reach 1.
    """
    n_highest = max(1, round(TOP_FRACTION * frames.n_pixels))
    from_top = frames.by_mask.sum(axis=1)[:, ::-1]
    higher = from_top.cumsum(axis=1) - from_top
    taken = np.clip(n_highest - higher, 0, from_top)
    return np.asarray(taken @ np.arange(N_LEVELS)[::-1] / (255 * n_highest))


def predicted_fraction(frames: Frames) -> Floats:
    """(T,), 0 to 1: share of pixels predicted at the protocol's threshold."""
    return frames.predicted[..., frames.threshold].sum(axis=1) / frames.n_pixels


@metric(
    "false_alarm_fraction",
    "FA pixels (%)",
    "false-alarm pixels, in percent of the pixels of frames without gas",
    over="no_gas",
    lower_is_better=True,
    percent=True,
    decimals=2,
)
def false_alarm_fraction(frames: Frames) -> Floats:
    """(T,), 0 to 1: share of pixels predicted off the mask."""
    return frames.predicted[:, 0, frames.threshold] / frames.n_pixels


@metric(
    "false_alarm",
    "FA frames (%)",
    "false-alarm frames, in percent of the frames without gas",
    over="no_gas",
    lower_is_better=True,
    percent=True,
    decimals=1,
)
def false_alarm(frames: Frames) -> Floats:
    """(T,): 1 if at least `alarm_px` pixels are predicted off the mask, else 0."""
    alarm = frames.predicted[:, 0, frames.threshold] >= frames.protocol.alarm_px
    return alarm.astype(np.float64)


class Ranked(NamedTuple):
    """N frames sorted by decreasing score.

    Attributes:
        order: (N,) the frames in order.
        last: (K,) place in the order of the last frame of each of the K distinct scores.
        gas: (N,) float64 in order, 1 with gas, else 0.
    """

    order: NDArray[np.intp]
    last: NDArray[np.intp]
    gas: Floats

    def curve(self, weights: Floats) -> tuple[Floats, Floats]:
        """Total weight of the frames with at least each of the K scores, from the highest.

        Args:
            weights: (N,) weight of each frame, in the order of the ranking.

        Returns:
            `found`, of the frames with gas, and `taken`, of all frames, both (K,).
        """
        return np.cumsum(weights * self.gas)[self.last], np.cumsum(weights)[self.last]


def rank(gas: ArrayLike, scores: ArrayLike) -> Ranked:
    """Sort frames by their scores; args and errors are those of `average_precision`."""
    truth, values = np.asarray(gas, bool), np.asarray(scores, np.float64)
    if truth.ndim != 1 or truth.shape != values.shape or not truth.size:
        raise UserError(f"Ranking needs one score a frame, not {truth.shape} and {values.shape}.")
    if np.isnan(values).any():
        raise UserError("A frame score is NaN; frames without a score cannot be ranked.")
    order = np.argsort(-values, kind="stable")
    sorted_values = values[order]
    last = np.flatnonzero(np.append(sorted_values[1:] != sorted_values[:-1], True))
    return Ranked(order, last, truth[order].astype(np.float64))


def ranking_scores(ranked: Ranked, weights: Floats, functions: list[OfRanking]) -> list[float]:
    """Metrics of the ranking of weighted frames; NaN if a class has no weight."""
    found, taken = ranked.curve(weights)
    if not 0 < found[-1] < taken[-1]:
        return [np.nan] * len(functions)
    return [function(found, taken) for function in functions]


@metric("average_precision", "AP", "average precision of detecting frames with gas", over="ranking")
def _average_precision(found: Floats, taken: Floats) -> float:
    gained = np.diff(found, prepend=0.0)
    precisions = np.divide(found, taken, out=np.zeros_like(found), where=taken > 0)
    # Not `@`, whose threads cost more than so short a product.
    return float(np.einsum("k,k->", gained, precisions) / found[-1])


@metric("auroc", "AUROC", "area under the ROC curve of detecting frames with gas", over="ranking")
def _auroc(found: Floats, taken: Floats) -> float:
    # In each pair the frame with gas should rank higher; equal scores count half.
    others = taken - found
    higher_others = others.copy()
    higher_others[1:] += others[:-1]
    gained = np.diff(found, prepend=0.0)
    success = float(np.einsum("k,k->", gained, others[-1] - higher_others / 2))
    return success / float(found[-1] * others[-1])


def average_precision(gas: ArrayLike, scores: ArrayLike) -> float:
    """Area under the precision-recall curve, as a sum over the distinct scores.

    Args:
        gas: (N,) bool, whether each frame holds gas.
        scores: (N,) confidence that it does.

    Returns:
        0 to 1; NaN if all frames or none hold gas.

    Raises:
        UserError: lengths differ, there is no frame, or a score is NaN.
    """
    return _of_all(_average_precision, gas, scores)


def auroc(gas: ArrayLike, scores: ArrayLike) -> float:
    """Fraction of pairs in which the frame with gas has the higher score; equal scores count half.

    Args, result and errors are those of `average_precision`.
    """
    return _of_all(_auroc, gas, scores)


def _of_all(function: OfRanking, gas: ArrayLike, scores: ArrayLike) -> float:
    ranked = rank(gas, scores)
    return ranking_scores(ranked, np.ones(ranked.order.size), [function])[0]
