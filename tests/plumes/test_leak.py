import itertools

import numpy as np
import pytest

from fgstp.plumes.leak import LEAK_RATES_G_PER_H, leak_classes

FPS_HZ = 15.0


def _schedule(seed, seconds, fps_hz=FPS_HZ):
    classes = leak_classes(np.random.default_rng(seed), fps_hz)
    return np.array(list(itertools.islice(classes, round(seconds * fps_hz))))


def test_rates_are_those_of_gasvid():
    assert LEAK_RATES_G_PER_H == (5.3, 277.7, 713.1, 958.8, 1124.3, 1389.8, 1806.1, 2051.6)


@pytest.mark.parametrize("seed", range(20))
def test_at_least_two_fifths_of_a_long_video_are_without_a_leak(seed):
    assert np.mean(_schedule(seed, 600) == 0) >= 0.4


@pytest.mark.parametrize("seed", range(20))
def test_twenty_seconds_hold_both_states(seed):
    leaking = _schedule(seed, 20) > 0
    assert leaking.any()
    assert not leaking.all()


def test_segments_last_six_to_fifteen_seconds_at_any_frame_rate():
    for fps_hz in (2.0, 15.0, 29.97):
        lengths = [len(list(run)) for _, run in itertools.groupby(_schedule(3, 600, fps_hz))]
        seconds = np.array(lengths[1:-1]) / fps_hz
        assert seconds.min() >= 6.0 - 1.0 / fps_hz
        assert seconds.max() <= 15.0 + 1.0 / fps_hz


def test_every_class_occurs():
    assert set(_schedule(0, 3600)) == set(range(len(LEAK_RATES_G_PER_H)))


@pytest.mark.parametrize("seed", range(3))
def test_each_pause_is_at_least_two_thirds_of_the_leak_before_it(seed):
    runs = [(key, len(list(run))) for key, run in itertools.groupby(_schedule(seed, 600))][:-1]
    for (leak, leak_frames), (_, pause_frames) in itertools.pairwise(runs):
        if leak:
            assert pause_frames >= 2.0 / 3.0 * leak_frames - 2
