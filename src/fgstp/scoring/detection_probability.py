"""Probability of detection against leak rate and distance: a logistic curve."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

Floats = NDArray[np.float64]
RIDGE = 0.1  # precision of a normal prior of each coefficient, so that all found or none has a fit
MOST_STEPS, LONGEST_STEP, CLOSE = 100, 1.0, 1e-8


@dataclass(frozen=True, eq=False)
class DetectionProbability:
    """R curves, one for each weighting of the same N trials.

        logit p = b0 + b1 ln(rate / mean rate) + b2 ln(distance / mean distance)

    Means are geometric. Without distances, or with equal ones, b2 is 0.

    Attributes:
        coefficients: (R, 3) float64, b0, b1, b2.
        mean_rate_g_per_h: mean rate of the trials.
        mean_distance_m: mean distance of the trials; NaN if none is known.
        rates_g_per_h: lowest and highest rate of the trials.
        distances_m: their smallest and largest distance.
    """

    coefficients: Floats
    mean_rate_g_per_h: float
    mean_distance_m: float
    rates_g_per_h: tuple[float, float]
    distances_m: tuple[float, float]

    def at(self, rate_g_per_h: Floats, distance_m: Floats) -> Floats:
        """Probabilities of K pairs of rate and distance, (R, K)."""
        rates = np.log(np.asarray(rate_g_per_h) / self.mean_rate_g_per_h)
        distances = _centred(np.asarray(distance_m), self.mean_distance_m)
        design = np.stack([np.ones_like(rates), rates, distances])
        return np.asarray(expit(self.coefficients @ design))

    def rate_g_per_h(self, probability: float) -> Floats:
        """Rate at which a leak at the mean distance is found with this probability, (R,).

        No curve is followed beyond the trials: the lowest of their rates, if the probability is
        higher even there; infinite, if it is not reached at the highest.
        """
        lowest, highest = self.rates_g_per_h
        begin, slope = self.coefficients[:, 0], self.coefficients[:, 1]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            found = self.mean_rate_g_per_h * np.exp((logit(probability) - begin) / slope)
        found = np.maximum(found, lowest)
        at_highest = self.at(np.array([highest]), np.array([self.mean_distance_m]))[:, 0]
        found = np.where(slope > 0, found, lowest)  # a curve that falls is lowest at the end
        return np.where(at_highest >= probability, found, np.inf)


def fit(
    found: NDArray[np.bool_], rate_g_per_h: Floats, distance_m: Floats, weights: Floats
) -> DetectionProbability:
    """Fit the curve by maximum likelihood with a small ridge, by Newton's method.

    Args:
        found: (N,) whether each leak was found, at least one.
        rate_g_per_h: (N,) its rate, > 0.
        distance_m: (N,) its distance, > 0; NaN if it is unknown, which counts as the mean one.
        weights: (R, N) how often each counts; a curve is fitted for each row.

    References:
        Berens: NDE reliability data analysis. ASM Handbook 17, 1989.
    """
    mean_rate = float(np.exp(np.log(rate_g_per_h).mean()))
    known = distance_m[np.isfinite(distance_m)]
    mean_distance = float(np.exp(np.log(known).mean())) if known.size else np.nan
    columns = [np.log(rate_g_per_h / mean_rate), _centred(distance_m, mean_distance)]
    design = np.stack([np.ones(found.size), *columns], axis=1)
    return DetectionProbability(
        _coefficients(found, design, weights),
        mean_rate,
        mean_distance,
        (float(rate_g_per_h.min()), float(rate_g_per_h.max())),
        (float(known.min()), float(known.max())) if known.size else (np.nan, np.nan),
    )


def _centred(distance_m: Floats, mean_m: float) -> Floats:
    """Logarithm of distances by their mean; 0 where one is unknown."""
    return np.nan_to_num(np.log(distance_m / mean_m), nan=0.0)


def _coefficients(found: NDArray[np.bool_], design: Floats, weights: Floats) -> Floats:
    n_columns = design.shape[1]
    squares = (design[:, :, None] * design[:, None, :]).reshape(len(design), -1)
    b = np.zeros((len(weights), n_columns))
    for _ in range(MOST_STEPS):
        p = expit(b @ design.T)
        gradient = (weights * (found - p)) @ design - RIDGE * b
        hessian = (weights * p * (1 - p)) @ squares
        hessian = hessian.reshape(-1, n_columns, n_columns) + RIDGE * np.eye(n_columns)
        step = np.linalg.solve(hessian, gradient[..., None])[..., 0]
        b += np.clip(step, -LONGEST_STEP, LONGEST_STEP)  # a full one may overshoot
        if np.abs(step).max() < CLOSE:
            break
    return b
