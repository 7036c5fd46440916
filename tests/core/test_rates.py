import math

import numpy as np
import pytest

from fgstp.core.rates import poisson_upper_bound


@pytest.mark.parametrize(
    ("count", "expected"), [(0, 2.996), (1, 4.744), (2, 6.296), (10, 16.962), (100, 118.08)]
)
def test_the_bound_of_a_rate_is_that_of_poisson(count, expected):
    assert poisson_upper_bound(count, 1.0) == pytest.approx(expected, rel=1e-4)
    assert poisson_upper_bound(count, 8.0) == pytest.approx(expected / 8, rel=1e-4)
    # At the bound, so few events or fewer come once in twenty times.
    mean = poisson_upper_bound(count, 1.0)
    drawn = np.random.default_rng(count).poisson(mean, 200_000)
    assert (drawn <= count).mean() == pytest.approx(0.05, abs=0.003)
    assert math.isnan(poisson_upper_bound(count, 0.0))
