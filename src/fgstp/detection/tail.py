"""The tail of the peaks of evidence: how high they come, and how often."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fgstp.core.config import Settings

Floats = NDArray[np.float64]
TAIL_FRACTION = 0.1  # of the peaks
LEAST_PEAKS = 30  # in the tail
REACH = 10.0  # times the hours seen, for which a tail may speak
N_RESAMPLES = 1000
INTERVAL = 0.025, 0.975
STRAIGHT = 1e-9  # a shape nearer to 0 is 0


class Tail(Settings):
    """Generalised Pareto distribution of the highest peaks.

    A level x >= u is exceeded r (1 + shape (x - u) / scale)^(-1 / shape) times an hour.

    Attributes:
        level: u, in logit seconds.
        scale: in logit seconds.
        shape: 0 for an exponential tail, below 0 for one with an end.
        per_hour: r, peaks above u an hour.

    References:
        Coles: An Introduction to Statistical Modeling of Extreme Values, 2001, chapter 4.
    """

    level: float = Field(ge=0, le=1e6)
    scale: float = Field(gt=0, le=1e6)
    shape: float = Field(ge=-1e6, le=1)
    per_hour: float = Field(gt=0, le=1e6)

    def level_at(self, per_hour: float) -> float:
        """The level that is exceeded so often; u if that is more often than u itself."""
        rarer = np.log(max(self.per_hour / per_hour, 1.0))
        return self.level + float(self.above(rarer))

    def above(self, rarer: Floats) -> Floats:
        """How far above u lie levels that are exceeded exp(`rarer`) times more seldom."""
        if abs(self.shape) < STRAIGHT:
            return self.scale * rarer
        return np.asarray(self.scale * np.expm1(self.shape * rarer) / self.shape)

    def reaches(self, per_hour: float, hours: float) -> bool:
        """Whether so low a rate can be read from so many hours of footage."""
        return per_hour * hours * REACH >= 1


def fit_tail(heights: Sequence[float], hours: float) -> Tail | None:
    """Fit the tail of peaks: the highest tenth of them, and at least 30.

    Args:
        heights: the peaks, all above 0.
        hours: the time in which they came.

    Returns:
        The tail; None if there are too few peaks, or all of them are equally high.
    """
    ordered = np.sort(np.asarray(heights, np.float64))
    n_tail = max(LEAST_PEAKS, math.ceil(TAIL_FRACTION * len(ordered)))
    if n_tail >= len(ordered):
        return None
    level = float(ordered[-n_tail - 1])
    return _fitted(level, ordered[-n_tail:] - level, hours)


def interval_at(tail: Tail, per_hour: float, hours: float) -> tuple[float, float]:
    """95 % interval of `level_at`, by a parametric bootstrap with a seed.

    Each resample has as many peaks above u as Poisson's law gives, drawn from the tail, and a tail
    of its own.
    """
    rng, found = np.random.default_rng(0), []
    for n_peaks in rng.poisson(tail.per_hour * hours, N_RESAMPLES):
        excesses = np.sort(tail.above(rng.exponential(size=n_peaks)))
        fitted = _fitted(tail.level, excesses, hours) if n_peaks > 1 else None
        found.append((fitted or tail).level_at(per_hour))
    low, high = np.quantile(found, INTERVAL)
    return float(low), float(high)


def _fitted(level: float, excesses: Floats, hours: float) -> Tail | None:
    """Fit by L-moments, which for tens of peaks err less than the maximum of the likelihood.

    Args:
        level: u.
        excesses: (N,) sorted, above u.
        hours: the time in which they came.

    References:
        Hosking and Wallis: Parameter and quantile estimation for the generalized Pareto
        distribution. Technometrics 29, 1987.
    """
    n = len(excesses)
    mean = float(excesses.mean())
    spread = float((2 * np.arange(n) - n + 1) @ excesses) / (n * (n - 1))
    if spread <= 1e-6 * mean:
        return None
    shape = 2 - mean / spread
    return Tail(level=level, scale=(1 - shape) * mean, shape=shape, per_hour=n / hours)
