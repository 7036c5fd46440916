import numpy as np
import pytest

from fgstp.detection.regions import outlines, significant
from fgstp.detection.settings import RegionSettings

SETTINGS = RegionSettings(low_fraction=0.6, min_area_fraction=0.005)  # 4 of 800 pixels


@pytest.fixture
def probability():
    found = np.zeros((20, 40), np.float32)
    found[2:6, 2:6] = 0.4  # a region with a peak
    found[3, 3] = 0.6
    found[2:6, 20:24] = 0.45  # none without a peak
    found[12, 4:7] = 0.9  # too small
    found[14:18, 30:34] = 0.9
    found[18, 34] = 0.31  # touches by a corner
    return found


def test_a_region_has_a_peak_and_an_area(probability):
    expected = np.zeros((20, 40), bool)
    expected[2:6, 2:6] = expected[14:18, 30:34] = expected[18, 34] = True
    np.testing.assert_array_equal(significant(probability, 0.5, SETTINGS), expected)


def test_thresholds_are_exceeded_not_reached():
    level = np.full((4, 4), 0.5, np.float32)
    assert not significant(level, 0.5, SETTINGS).any()
    assert not significant(np.zeros((4, 4), np.float32), 0.5, SETTINGS).any()
    assert significant(level + 0.01, 0.5, SETTINGS).all()


def test_a_region_lies_mostly_in_the_zones_that_are_watched(probability):
    watched = np.zeros((20, 40), bool)
    watched[:4] = True  # half of the first region
    assert significant(probability, 0.5, SETTINGS, watched)[4, 4]
    watched[3] = False
    assert not significant(probability, 0.5, SETTINGS, watched).any()


def test_outlines_enclose_the_region_the_largest_first(probability):
    first, second = outlines(significant(probability, 0.5, SETTINGS))
    assert first.min(axis=0).tolist() == [30, 14]
    assert first.max(axis=0).tolist() == [34, 18]
    assert sorted(map(tuple, second.tolist())) == [(2, 2), (2, 5), (5, 2), (5, 5)]
    assert outlines(np.zeros((4, 4), bool)) == []
