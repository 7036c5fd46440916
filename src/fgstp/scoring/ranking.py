"""Average precision and AUROC, exactly, with ties."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fgstp.core.errors import UserError

ONLY_GAS, NO_GAS = "every frame has gas", "no frame has gas"


class Ranked(NamedTuple):
    """Frames sorted by falling score, equal scores together.

    Attributes:
        order: (N,) the frames in that order.
        last: (K,) place in the order of the last frame of each score.
        gas: (N,) float64 in that order, 1 with gas, else 0.
    """

    order: NDArray[np.intp]
    last: NDArray[np.intp]
    gas: NDArray[np.float64]


def rank(gas: ArrayLike, scores: ArrayLike) -> Ranked:
    """Sort frames by their scores.

    Args:
        gas: (N,) bool, whether each frame holds gas.
        scores: (N,) real, the higher the surer.

    Raises:
        UserError: lengths differ, there is no frame, or a score is NaN.
    """
    truth, values = np.asarray(gas, bool), np.asarray(scores, np.float64)
    if truth.ndim != 1 or truth.shape != values.shape or not truth.size:
        raise UserError(f"Ranking needs one score a frame, not {truth.shape} and {values.shape}.")
    if np.isnan(values).any():
        raise UserError("A frame score is NaN; frames without a score cannot be ranked.")
    order = np.argsort(-values, kind="stable")
    sorted_values = values[order]
    last = np.flatnonzero(np.append(sorted_values[1:] != sorted_values[:-1], True))
    return Ranked(order, last, truth[order].astype(np.float64))


def ranking_scores(ranked: Ranked, weights: NDArray[np.float64]) -> tuple[float, float]:
    """Average precision and AUROC of weighted frames.

    Args:
        ranked: the frames in order.
        weights: (N,) how often each frame counts, in the order of `ranked`.

    Returns:
        Average precision and AUROC, both NaN where one of the two classes has no weight.
    """
    taken = np.cumsum(weights)[ranked.last]
    found = np.cumsum(weights * ranked.gas)[ranked.last]
    n_gas, n_others = found[-1], taken[-1] - found[-1]
    if not n_gas or not n_others:
        return np.nan, np.nan
    gained = np.diff(found, prepend=0.0)
    # Not `@`: a library that splits short products over threads waits for them longer.
    precisions = np.divide(found, taken, out=np.zeros_like(found), where=taken > 0)
    average_precision = float(np.einsum("k,k->", gained, precisions) / n_gas)
    # Of each pair the one with gas should rank higher; equal scores are half a success.
    higher_others = taken - found
    higher_others[1:] += higher_others[:-1]
    success = float(np.einsum("k,k->", gained, n_others - higher_others / 2))
    return average_precision, success / (n_gas * n_others)


def average_precision(gas: ArrayLike, scores: ArrayLike) -> float:
    """Area under the precision-recall curve as a sum of steps, one a distinct score.

    Args:
        gas: (N,) bool, whether each frame holds gas.
        scores: (N,) real, the higher the surer.

    Returns:
        0 to 1; NaN where all frames or none hold gas.

    Raises:
        UserError: lengths differ, there is no frame, or a score is NaN.
    """
    ranked = rank(gas, scores)
    return ranking_scores(ranked, np.ones(ranked.order.size))[0]


def auroc(gas: ArrayLike, scores: ArrayLike) -> float:
    """Fraction of pairs in which the frame with gas has the higher score, half for equal ones.

    Args:
        gas: (N,) bool, whether each frame holds gas.
        scores: (N,) real, the higher the surer.

    Returns:
        0 to 1; NaN where all frames or none hold gas.

    Raises:
        UserError: lengths differ, there is no frame, or a score is NaN.
    """
    ranked = rank(gas, scores)
    return ranking_scores(ranked, np.ones(ranked.order.size))[1]


def why_undefined(gas: ArrayLike) -> str:
    """Why a ranking has no score; empty where it has one."""
    truth = np.asarray(gas, bool)
    if truth.all():
        return ONLY_GAS
    return "" if truth.any() else NO_GAS
