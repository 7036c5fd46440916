"""Weighted F by hand, and the distances and weights in it by brute force."""

import numpy as np
import pytest

from fgstp.scoring.metrics.weighted_f import background_weight, nearest_foreground


def pixel(y, x, size=31):
    frame = np.zeros((size, size))
    frame[y, x] = 1
    return frame


@pytest.mark.parametrize(("distance", "weight"), [(5, 1.5), (10, 1.75), (1, 2 - 0.5**0.2)])
def test_a_false_alarm_weighs_more_with_its_distance(score, distance, weight):
    mask = pixel(15, 15)
    alarm = pixel(15, 15 + distance)
    precision = 1 / (1 + weight)
    found = score(255 * (mask + alarm), mask)["weighted_f"]
    assert found == pytest.approx(2 * precision / (precision + 1), abs=1e-12)


def test_distance_is_euclidean(score):
    mask = pixel(15, 15)
    precision = 1 / (1 + 2 - 0.5)  # 3 down and 4 right are 5 away
    found = score(255 * (mask + pixel(18, 19)), mask)["weighted_f"]
    assert found == pytest.approx(2 * precision / (precision + 1), abs=1e-12)


def test_a_hole_counts_as_little_as_its_smoothed_error(score):
    mask = np.zeros((31, 31))
    mask[8:23, 8:23] = 1
    kernel = np.exp(-(np.arange(-3, 4) ** 2) / 50)
    recall = 1 - (1 / kernel.sum()) ** 2 / 225
    found = score(255 * (mask - pixel(15, 15)), mask)["weighted_f"]
    assert found == pytest.approx(2 * recall / (1 + recall), abs=1e-12)


def test_nothing_found_and_everything_found(score):
    mask = pixel(3, 4)
    assert score(255 * pixel(20, 20), mask)["weighted_f"] == pytest.approx(0, abs=1e-12)
    assert score(255 * mask, mask)["weighted_f"] == pytest.approx(1, abs=1e-12)
    assert score(255 * mask, np.zeros_like(mask))["weighted_f"] == 0


def test_beside_the_border_the_smoothing_sees_no_error(score):
    """A corner pixel missed: of the 7 x 7 window only 4 x 4 lies in the frame."""
    mask = pixel(0, 0)
    mask[20, 20] = 1
    prediction = pixel(20, 20)
    kernel = np.exp(-(np.arange(-3, 4) ** 2) / 50)
    error = (kernel[3:].sum() / kernel.sum()) ** 2
    recall = 1 - error / 2
    found = score(255 * prediction, mask)["weighted_f"]
    assert found == pytest.approx(2 * recall / (1 + recall), abs=1e-12)


def random_masks(count=60):
    rng = np.random.default_rng(5)
    for share in rng.uniform(0.005, 0.95, count):
        mask = rng.random(rng.integers(1, 30, 2)) < share
        mask.ravel()[rng.integers(mask.size)] = True
        yield mask


def squared_distances(mask):
    """(N, F): from every pixel to every foreground pixel, in the order column, row."""
    places = np.argwhere(np.ones_like(mask))
    gas = np.argwhere(mask.T)[:, ::-1]
    return np.square(places[:, None] - gas[None]).sum(axis=2), gas


def test_nearest_pixels_are_the_nearest_and_ties_fall_to_column_then_row():
    for mask in random_masks():
        near, nearest = nearest_foreground(mask)
        distance, gas = squared_distances(mask)
        chosen = gas[distance.argmin(axis=1)]
        expected = chosen[:, 0] * mask.shape[1] + chosen[:, 1]
        assert np.array_equal(nearest, expected[near])


def test_exactly_the_background_that_a_window_can_hold_is_near():
    for mask in random_masks(20):
        near, _ = nearest_foreground(mask)
        padded = np.pad(mask, 3)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (7, 7))
        assert np.array_equal(near, np.flatnonzero(windows.any(axis=(2, 3)) & ~mask))


def test_weights_are_exact():
    for mask in random_masks(20):
        distance = np.sqrt(squared_distances(mask)[0].min(axis=1)).reshape(mask.shape)
        expected = np.where(mask, 0, 2 - np.exp(np.log(0.5) / 5 * distance))
        assert background_weight(mask) == pytest.approx(expected, rel=0, abs=1e-15)


def test_weights_stay_exact_far_away():
    mask = np.zeros((400, 900), bool)
    mask[7, 3] = True
    rows, columns = np.mgrid[:400, :900]
    distance = np.sqrt((rows - 7) ** 2 + (columns - 3) ** 2)
    expected = np.where(mask, 0, 2 - np.exp(np.log(0.5) / 5 * distance))
    assert np.abs(background_weight(mask) - expected).max() < 5e-16
