"""Rates of rare events, with their confidence bounds."""

import math

from scipy.special import gammaincinv

CONFIDENCE = 0.95


def poisson_upper_bound(count: int, hours: float, confidence: float = CONFIDENCE) -> float:
    """Upper confidence bound of a rate of events per hour: chi2.ppf(confidence, 2 (n + 1)) / 2 T.

    That is 3.0 / T where none was seen, 4.7 / T for one and 6.3 / T for two.

    Args:
        count: number of events n.
        hours: time T in which they were counted; NaN is returned for 0.
        confidence: one-sided, between 0 and 1.

    References:
        Garwood: Fiducial limits for the Poisson distribution. Biometrika 28, 1936.
    """
    # The quantile of chi squared with 2 k degrees of freedom is twice that of a gamma with k.
    return float(gammaincinv(count + 1, confidence)) / hours if hours else math.nan
