"""The detection error curve: leaks missed against false alarms an hour, over all thresholds."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LOWEST_PER_HOUR, HIGHEST_PER_HOUR = 1.0, 100.0  # rates of false alarms that the area covers


def error_curve(
    leaks: Floats, free: Floats, leak_weights: Floats, free_weights: Floats, hours: Floats
) -> tuple[Floats, Floats]:
    """Follow misses and false alarms while the threshold of the evidence falls.

    Args:
        leaks: (L,) highest evidence of each leak.
        free: (F,) highest evidence of each leak-free stretch.
        leak_weights: (R, L) how often each leak counts, in R resamples.
        free_weights: (R, F) how often each stretch counts.
        hours: (R,) duration of the stretches so weighted.

    Returns:
        False alarms an hour, and the share of the leaks that is missed, both (R, K), at K
        thresholds from infinity down to the lowest evidence there is. Rates rise and misses
        fall. NaN without leaks or without leak-free time.
    """
    levels = np.unique(np.concatenate([leaks, free]))
    thresholds = np.append(levels[levels > 0], np.inf)[::-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        found = _reaching(leaks, leak_weights, thresholds)
        misses = 1 - found / leak_weights.sum(axis=1, keepdims=True)
        rates = _reaching(free, free_weights, thresholds) / hours[:, None]
    return rates, misses


def _reaching(values: Floats, weights: Floats, thresholds: Floats) -> Floats:
    """(R, K): weight of the values that reach each threshold."""
    order = np.argsort(-values)
    sums = np.concatenate([np.zeros((len(weights), 1)), weights[:, order].cumsum(axis=1)], axis=1)
    return sums[:, np.searchsorted(-values[order], -thresholds, "right")]


def area(rates_per_hour: Floats, misses: Floats) -> Floats:
    """Mean share of missed leaks over the logarithm of the rate of false alarms, (R,), 0 to 1.

    At each rate from `LOWEST_PER_HOUR` to `HIGHEST_PER_HOUR`, the share is that of the lowest
    threshold which does not exceed it. Less is better; without any evidence it is 1.

    Args:
        rates_per_hour: (R, K) rising rates, the first being 0.
        misses: (R, K) share missed at each of them.
    """
    ends = np.log10([LOWEST_PER_HOUR, HIGHEST_PER_HOUR])
    with np.errstate(divide="ignore"):
        places = np.clip(np.log10(rates_per_hour), *ends)
    last = np.full((len(places), 1), ends[1])
    widths = np.diff(np.concatenate([places, last], axis=1), axis=1)
    return np.asarray((widths * misses).sum(axis=1) / (ends[1] - ends[0]))
