import math

import numpy as np
import pytest

from fgstp.core.errors import UserError
from fgstp.scoring import auroc, average_precision, list_metrics
from fgstp.scoring.metrics.detection import rank, ranking_scores


def slow_auroc(gas, scores):
    pairs = [
        1.0 if positive > negative else 0.5 * (positive == negative)
        for positive in scores[gas]
        for negative in scores[~gas]
    ]
    return np.mean(pairs)


def slow_average_precision(gas, scores):
    total, before = 0.0, 0
    for score in sorted(set(scores.tolist()), reverse=True):
        taken = scores >= score
        found = (taken & gas).sum()
        total += (found - before) * found / taken.sum()
        before = found
    return total / gas.sum()


def test_by_hand():
    gas, scores = [True, False, True, False], [0.9, 0.8, 0.7, 0.1]
    assert auroc(gas, scores) == 3 / 4
    assert average_precision(gas, scores) == pytest.approx((1 + 2 / 3) / 2)


def test_equal_scores_are_taken_together_whatever_their_order():
    for gas in ([True, False, True], [False, True, True], [True, True, False]):
        assert auroc(gas, [0.5, 0.5, 0.5]) == 0.5
        assert average_precision(gas, [0.5, 0.5, 0.5]) == pytest.approx(2 / 3)


@pytest.mark.parametrize("levels", [2, 5, 10**6])
def test_against_counting_pairs(levels):
    rng = np.random.default_rng(levels)
    for _ in range(20):
        scores = rng.integers(0, levels, 40) / levels
        gas = rng.random(40) < 0.3
        gas[0], gas[1] = True, False
        assert auroc(gas, scores) == pytest.approx(slow_auroc(gas, scores), abs=1e-12)
        expected = slow_average_precision(gas, scores)
        assert average_precision(gas, scores) == pytest.approx(expected, abs=1e-12)


def test_limits():
    gas = np.array([True, True, False, False])
    assert auroc(gas, [4, 3, 2, 1]) == average_precision(gas, [4, 3, 2, 1]) == 1
    assert auroc(gas, [1, 2, 3, 4]) == 0
    for one_class in (gas | True, gas & False):
        assert math.isnan(auroc(one_class, [4, 3, 2, 1]))
        assert math.isnan(average_precision(one_class, [4, 3, 2, 1]))


def test_weights_count_frames_that_often():
    rng = np.random.default_rng(3)
    gas, scores = rng.random(30) < 0.5, rng.integers(0, 8, 30)
    weights = rng.integers(0, 4, 30)
    ranked = rank(gas, scores)
    functions = [metric.function for metric in list_metrics("ranking")]
    found = ranking_scores(ranked, weights[ranked.order].astype(float), functions)
    repeated = np.repeat(gas, weights), np.repeat(scores, weights)
    assert found == pytest.approx((average_precision(*repeated), auroc(*repeated)), abs=1e-12)


def test_wrong_input():
    with pytest.raises(UserError, match="one score a frame"):
        auroc([True, False], [1.0])
    with pytest.raises(UserError, match="one score a frame"):
        average_precision([], [])
    with pytest.raises(UserError, match="NaN"):
        auroc([True, False], [1.0, math.nan])
