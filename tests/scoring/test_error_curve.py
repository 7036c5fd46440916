"""The detection error curve, worked out by hand."""

import numpy as np
import pytest

from fgstp.scoring.error_curve import area, error_curve


def curve(leaks, free, hours=0.5):
    values = np.array(leaks, float), np.array(free, float)
    weights = (np.ones((1, len(each))) for each in values)
    return error_curve(*values, *weights, np.array([hours]))


def test_misses_and_false_alarms_at_each_threshold():
    rates, misses = curve([9, 6, 3, 0], [7, 1, 0, 0])
    # Thresholds: infinity, 9, 7, 6, 3, 1.
    np.testing.assert_allclose(rates, [[0, 0, 2, 2, 2, 4]])
    np.testing.assert_allclose(misses, [[1, 0.75, 0.75, 0.5, 0.25, 0.25]])


def test_the_area_is_the_mean_over_the_logarithm_of_the_rate():
    # A quarter of the leaks is found without a false alarm, all but a quarter from 10 an hour on.
    rates, misses = np.array([[0.0, 0.0, 10.0, 10.0]]), np.array([[1.0, 0.75, 0.5, 0.25]])
    assert area(rates, misses) == pytest.approx([(0.75 + 0.25) / 2])
    # Rates below one an hour are as good as none, those above a hundred do not count.
    assert area(np.array([[0.0, 0.5, 1000.0]]), np.array([[1.0, 0.4, 0.0]])) == pytest.approx([0.4])


def test_weights_count_that_often():
    leaks, free = np.array([9.0, 2.0]), np.array([5.0, 1.0])
    weighted = error_curve(
        leaks, free, np.array([[2.0, 1.0]]), np.array([[3.0, 1.0]]), np.array([1.0])
    )
    repeated = curve([9, 9, 2], [5, 5, 5, 1], hours=1.0)
    np.testing.assert_allclose(weighted, repeated)


def test_better_separation_has_a_smaller_area():
    rng = np.random.default_rng(0)
    areas = [
        float(area(*curve(rng.exponential(1 + gain, 200), rng.exponential(1, 200), hours=2))[0])
        for gain in (0, 2, 8)
    ]
    assert areas == sorted(areas, reverse=True)
    assert 0 < areas[-1] < areas[0] < 1


@pytest.mark.parametrize(("leaks", "free", "hours"), [([], [1.0], 1.0), ([1.0], [], 0.0)])
def test_without_leaks_or_leak_free_time_it_is_undefined(leaks, free, hours):
    assert np.isnan(area(*curve(leaks, free, hours))).all()
