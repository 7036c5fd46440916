import math

import numpy as np
import pytest
from scipy.stats import genpareto

from fgstp.detection.tail import Tail, fit_tail, interval_at


def test_levels_follow_the_equation():
    straight = Tail(level=2, scale=3, shape=0, per_hour=10)
    assert straight.level_at(10 / math.e) == pytest.approx(5)
    bent = Tail(level=2, scale=3, shape=-0.5, per_hour=8)
    assert bent.level_at(2) == pytest.approx(2 + 3 / 0.5 * (1 - (1 / 4) ** 0.5))
    assert bent.level_at(1e-12) == pytest.approx(8, abs=1e-4)  # its end
    nearly = Tail(level=2, scale=3, shape=1e-8, per_hour=10)
    assert nearly.level_at(0.1) == pytest.approx(straight.level_at(0.1))


def test_a_rate_above_that_of_the_tail_gives_its_level():
    assert Tail(level=2, scale=3, shape=0.1, per_hour=10).level_at(11) == 2


@pytest.mark.parametrize("shape", [-0.3, 0.0, 0.2])
def test_a_known_distribution_comes_back(shape):
    """Peaks of 10 an hour: one an hour exceeds their 90 % quantile, one in ten hours the 99 %."""
    drawn = genpareto.rvs(shape, scale=4.0, size=5000, random_state=1)
    tail = fit_tail(drawn, hours=500)
    assert tail is not None
    assert tail.per_hour == pytest.approx(1.0)
    assert tail.level == pytest.approx(genpareto.ppf(0.9, shape, scale=4.0), rel=0.05)
    for per_hour, quantile in ((0.1, 0.99), (0.02, 0.998)):
        true = genpareto.ppf(quantile, shape, scale=4.0)
        low, high = interval_at(tail, per_hour, 500)
        assert low < true < high
        assert low < tail.level_at(per_hour) < high
        # Of peaks that it has not seen, as many exceed the level as were asked for.
        unseen = genpareto.rvs(shape, scale=4.0, size=1_000_000, random_state=2)
        share = (unseen > tail.level_at(per_hour)).mean()
        assert 10 * share == pytest.approx(per_hour, rel=0.5)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng, covered = np.random.default_rng(0), 0
    for _ in range(40):
        drawn = rng.exponential(size=rng.poisson(80))
        tail = fit_tail(drawn, hours=8)
        low, high = interval_at(tail, 0.5, 8)
        covered += low < math.log(10 / 0.5) < high
    assert covered >= 34


def test_a_tail_of_a_few_hours_reaches_only_so_far():
    tail = fit_tail(np.random.default_rng(0).exponential(size=100), hours=5)
    assert tail.reaches(0.1, 5)
    assert tail.reaches(0.02, 5)
    assert not tail.reaches(0.01, 5)
    widths = [np.ptp(interval_at(tail, per_hour, 5)) for per_hour in (1.0, 0.1, 0.01)]
    assert widths == sorted(widths)


def test_too_few_peaks_and_equal_ones_have_no_tail():
    assert fit_tail([], 10) is None
    assert fit_tail(np.arange(1.0, 31.0), 10) is None
    assert fit_tail(np.arange(1.0, 32.0), 10) is not None
    assert fit_tail(np.full(500, 3.0), 10) is None
