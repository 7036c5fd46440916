import numpy as np
import pytest


def test_equal_and_opposite_maps(score):
    half = [[1, 1], [0, 0]]
    same = score([[255, 255], [0, 0]], half)
    assert same["e_max"] == same["e_adaptive"] == pytest.approx(4 / 3, abs=1e-12)
    opposite = score([[0, 0], [255, 255]], half)
    assert opposite["e_adaptive"] == pytest.approx(0, abs=1e-12)
    # At level 0 everything is predicted: no alignment anywhere, a quarter each.
    assert opposite["e_max"] == pytest.approx(1 / 3, abs=1e-12)
    assert opposite["e_mean"] == pytest.approx(1 / 3 / 256, abs=1e-12)


def test_a_map_that_is_half_right(score):
    row = score([[255, 0], [255, 0]], [[1, 1], [0, 0]])
    assert row["e_adaptive"] == pytest.approx(2 / 3, abs=1e-12)
    assert row["e_mean"] == pytest.approx((255 * 2 / 3 + 1 / 3) / 256, abs=1e-12)


def test_unequal_shares_by_hand(score):
    """Mask of 1 in 4, map of 2 in 4: the three values of 2ab / (a^2 + b^2) that occur."""

    def term(a, b):
        return (2 * a * b / (a * a + b * b) + 1) ** 2 / 4

    row = score([[255, 255], [0, 0]], [[1, 0], [0, 0]])
    total = term(0.5, 0.75) + term(0.5, -0.25) + 2 * term(-0.5, -0.25)
    assert row["e_adaptive"] == pytest.approx(total / 3, abs=1e-12)


def test_empty_and_full_masks_count_what_is_right(score):
    prediction = np.array([[0, 0, 255], [0, 0, 0]])
    assert score(prediction, np.zeros((2, 3)))["e_adaptive"] == pytest.approx(5 / 5, abs=1e-12)
    assert score(prediction, np.ones((2, 3)))["e_adaptive"] == pytest.approx(1 / 5, abs=1e-12)


def test_the_adaptive_threshold_is_twice_the_mean(score):
    """Mean 0.2: 0.4 is reached by 0.4 and by 1, not by 0.2."""
    prediction = [[255, 102, 51, 0, 0], [0, 0, 102, 0, 0]]
    at_102 = score([[255, 255, 0, 0, 0], [0, 0, 255, 0, 0]], [[1, 0, 0, 0, 0], [0, 0, 0, 0, 1]])
    found = score(prediction, [[1, 0, 0, 0, 0], [0, 0, 0, 0, 1]])
    assert found["e_adaptive"] == pytest.approx(at_102["e_adaptive"], abs=1e-12)
