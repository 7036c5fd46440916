"""Synthetic footage brackets real footage, as `fgstp footage-statistics` measured it."""

import pytest

from fgstp.footage.sources.synthetic import SyntheticSample
from fgstp.footage.statistics import footage_statistics, percentiles

# Medians over the videos of each set.
REAL = {
    # MOV_1467 at 1.5 Hz and MOV_1238 at 1 Hz of GasVid, 24 minutes each: a cooled camera.
    "gasvid": {
        "activity": 2.309,
        "drift": 0.255,
        "unchanged": 53.1,
        "jitter": 0.006,
        "level_drift": 10.5,
        "noise": 0.561,
        "contrast": 213.5,
        "gas_autocorrelation_0.7s": 0.718,
        "gas_autocorrelation_3.3s": 0.251,
        "background_autocorrelation_0.7s": 0.951,
        "background_autocorrelation_3.3s": 0.593,
        "gas_area": 16.6,
    },
    # Nine clips at 15 Hz of the same site, with people and bats, and with gas drawn in.
    "drawn gas": {
        "activity": 6.782,
        "drift": 0.853,
        "unchanged": 88.4,
        "jitter": 0.006,
        "level_drift": 1.0,
        "noise": 0.083,
        "contrast": 210.0,
        "background_autocorrelation_0.7s": 0.901,
        "background_autocorrelation_3.3s": 0.251,
    },
    # 36 clips at 30 Hz of an uncooled camera: sky, clouds, trees, birds, aircraft, no gas. Their
    # ten seconds are too short for what is slow.
    "free of gas": {
        "activity": 4.0,
        "drift": 0.289,
        "unchanged": 99.3,
        "jitter": 0.006,
        "noise": 0.0,
        "contrast": 250.0,
        "background_autocorrelation_0.7s": 0.154,
    },
}


@pytest.fixture(scope="module")
def wide():
    """Percentiles of the statistics under wide conditions."""
    videos = SyntheticSample(24, 60.0, seed=500).videos("wide", 3.0)
    return percentiles([footage_statistics(video) for video in videos], (5.0, 50.0, 95.0))


@pytest.mark.slow
@pytest.mark.parametrize("source", REAL)
def test_wide_conditions_bracket_real_footage(source, wide):
    for name, value in REAL[source].items():
        low, _, high = wide[name]
        assert low <= value <= high, (name, low, high)


@pytest.mark.slow
def test_much_of_the_footage_is_calm_and_some_is_not(wide):
    low, middle, high = wide["activity"]
    assert low < 2.0
    assert 1.0 < middle < 5.0
    assert high > 15.0
