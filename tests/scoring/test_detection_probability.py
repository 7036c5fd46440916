"""The logistic curve against a general minimiser, and its limits."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, logit

from fgstp.scoring.detection_probability import RIDGE, fit

NAN = np.nan
RATES = np.array([277.7, 713.1, 1389.8, 2051.6])


def trials(n=400, seed=0):
    """Leaks whose probability is logistic in the logarithms of rate and distance."""
    rng = np.random.default_rng(seed)
    rate, distance = rng.choice(RATES, n), rng.choice([4.6, 9.8, 18.6], n)
    p = expit(1.0 + 2.0 * np.log(rate / 800) - 1.5 * np.log(distance / 9))
    return rng.random(n) < p, rate, distance


def test_it_is_the_maximum_of_the_penalised_likelihood():
    found, rate, distance = trials(60)
    weights = np.random.default_rng(1).integers(0, 3, (2, 60)).astype(float)
    own = fit(found, rate, distance, weights)
    design = np.stack(
        [
            np.ones(60),
            np.log(rate / own.mean_rate_g_per_h),
            np.log(distance / own.mean_distance_m),
        ]
    )
    for weight, b in zip(weights, own.coefficients, strict=True):

        def loss(b, weight=weight):
            logits = b @ design
            likelihood = weight @ (found * logits - np.logaddexp(0, logits))
            return RIDGE * b @ b / 2 - likelihood

        np.testing.assert_allclose(b, minimize(loss, np.zeros(3), tol=1e-10).x, atol=1e-4)


def test_it_recovers_the_curve_that_drew_the_trials():
    own = fit(*trials(20_000), np.ones((1, 20_000)))
    np.testing.assert_allclose(own.coefficients[0, 1:], [2.0, -1.5], atol=0.1)
    at = own.mean_distance_m
    expected = 800 * np.exp((logit(0.9) - 1.0 + 1.5 * np.log(at / 9)) / 2.0)
    assert own.rate_g_per_h(0.9)[0] == pytest.approx(expected, rel=0.05)
    assert own.at(own.rate_g_per_h(0.9), np.array([at]))[0, 0] == pytest.approx(0.9, abs=1e-9)


@pytest.mark.parametrize("distance", [NAN, 5.0])
def test_without_distances_or_with_equal_ones_the_rate_alone_counts(distance):
    found, rate, _ = trials(80)
    own = fit(found, rate, np.full(80, distance), np.ones((1, 80)))
    assert own.coefficients[0, 2] == pytest.approx(0.0, abs=1e-9)
    assert own.coefficients[0, 1] > 0.5
    values = own.at(RATES, np.full(4, distance))[0]
    assert (np.diff(values) > 0).all()


def test_what_lies_beyond_the_trials_is_not_claimed():
    rate, distance = np.repeat(RATES, 10), np.full(40, 5.0)
    every, none = (
        fit(np.full(40, value), rate, distance, np.ones((1, 40))) for value in (True, False)
    )
    assert every.rate_g_per_h(0.9).tolist() == [RATES[0]]
    assert none.rate_g_per_h(0.9).tolist() == [np.inf]
    weak_alone = fit(rate < 500, rate, distance, np.ones((1, 40)))  # the curve falls
    assert weak_alone.rate_g_per_h(0.9).tolist() == [np.inf]


def test_a_single_rate_has_a_probability_and_no_slope():
    found = np.array([True] * 30 + [False])
    own = fit(found, np.full(31, 800.0), np.full(31, 5.0), np.ones((1, 31)))
    assert own.coefficients[0, 1:] == pytest.approx([0.0, 0.0], abs=1e-9)
    # 30 of 31, drawn a little towards a half by the ridge.
    assert own.at(np.array([800.0]), np.array([5.0]))[0, 0] == pytest.approx(30 / 31, abs=0.015)
    assert own.rate_g_per_h(0.9).tolist() == [800.0]
