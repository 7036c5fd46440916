import numpy as np
import pytest


def test_by_hand(score):
    """Cut after the first row and column; the upper right block misses its gas entirely."""
    mask = [[1, 1, 0, 0], [1, 1, 0, 0]]
    prediction = [[255, 0, 0, 0], [255, 255, 0, 0]]
    on_mask = 2 * 0.75 / (0.75**2 + 1 + 0.5)  # of 1, 0, 1, 1: mean 3/4, spread 1/2
    by_object = (on_mask + 1) / 2
    by_region = (1 * 1 + 3 * 0 + 1 * 1 + 3 * 1) / 8
    found = score(prediction, mask)["s_measure"]
    assert found == pytest.approx((by_object + by_region) / 2, abs=1e-12)


def test_spread_is_not_squared(score):
    """Every block is a pixel or flat, so that only the object part differs from 1."""
    by_object = (2 * 0.5 / (0.25 + 1 + 0.5**0.5) + 1) / 2
    found = score([[255, 0], [0, 0]], [[1, 0], [1, 0]])["s_measure"]
    assert found == pytest.approx((by_object + 1) / 2, abs=1e-12)


def test_perfect_empty_and_full(score, make_clip):
    _, masks = make_clip(n_frames=4)
    for mask in masks:
        assert score(mask * 255, mask)["s_measure"] == pytest.approx(1, abs=1e-9)
    prediction = [[0, 51], [102, 255]]
    mean = (0 + 0.2 + 0.4 + 1) / 4
    assert score(prediction, np.zeros((2, 2)))["s_measure"] == pytest.approx(1 - mean, abs=1e-15)
    assert score(prediction, np.ones((2, 2)))["s_measure"] == pytest.approx(mean, abs=1e-15)


def test_a_centroid_in_the_last_column_leaves_two_blocks(score):
    """PySODMetrics has no value here; by the definition blocks without pixels weigh nothing."""
    mask = np.zeros((4, 4))
    mask[1:3, 3] = 1
    assert score(mask * 255, mask)["s_measure"] == pytest.approx(1, abs=1e-9)


def test_rows_and_columns_may_change_places(score, make_clip):
    predictions, masks = make_clip(n_frames=4)
    for prediction, mask in zip(predictions, masks, strict=True):
        before, after = score(prediction, mask), score(prediction.T, mask.T)
        assert after["s_measure"] == pytest.approx(before["s_measure"], abs=1e-12)


def test_never_negative(score):
    """The region part is negative where map and mask oppose each other."""
    mask = np.zeros((8, 8))
    mask[2:6, 2:6] = 1
    found = score(255 * (1 - mask), mask)["s_measure"]
    assert found == 0
