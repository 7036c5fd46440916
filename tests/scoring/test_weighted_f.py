import numpy as np
import pytest


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
