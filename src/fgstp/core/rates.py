"""Rates of rare events, with their confidence bounds."""

import math

import numpy as np

CONFIDENCE = 0.95
N_HALVINGS = 60  # below the precision of float64


def poisson_upper_bound(count: int, hours: float, confidence: float = CONFIDENCE) -> float:
    """Upper confidence bound of a rate of events per hour: chi2.ppf(confidence, 2 (n + 1)) / 2 T.

    That is 3.0 / T where none was seen, 4.7 / T for one and 6.3 / T for two: the rate at which n
    events or fewer are as seldom as 1 - `confidence`.

    Args:
        count: number of events n.
        hours: time T in which they were counted; NaN is returned for 0.
        confidence: one-sided, between 0 and 1.

    References:
        Garwood: Fiducial limits for the Poisson distribution. Biometrika 28, 1936.
    """
    if not hours:
        return math.nan
    # SciPy has the quantile, but is a fifth of what detection would install.
    low, high = 0.0, count + 10.0 * math.sqrt(count + 1.0) - math.log(1 - confidence)
    numbers = np.arange(count + 1)
    log_factorials = np.cumsum(np.log(np.maximum(numbers, 1)))
    for _ in range(N_HALVINGS):
        mean = (low + high) / 2
        so_few = np.exp(numbers * math.log(mean) - mean - log_factorials).sum()
        low, high = (mean, high) if so_few > 1 - confidence else (low, mean)
    return high / hours
