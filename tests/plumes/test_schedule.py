import itertools

import numpy as np
import pytest

from fgstp.plumes.conditions import LeakConditions
from fgstp.plumes.schedule import LEAK_RATES_G_PER_H, leak_classes

FPS_HZ = 15.0
SHORT = LeakConditions(phase_s=(6.0, 15.0))


def _schedule(seed, seconds, fps_hz=FPS_HZ, conditions=SHORT):
    classes = leak_classes(np.random.default_rng(seed), fps_hz, conditions)
    return np.array(list(itertools.islice(classes, round(seconds * fps_hz))))


def test_a_long_video_is_to_two_fifths_without_a_leak_and_twenty_seconds_hold_both_states():
    for seed in range(20):
        assert np.mean(_schedule(seed, 600) == 0) >= 0.4
        assert set(_schedule(seed, 20) > 0) == {True, False}


def test_segments_last_six_to_fifteen_seconds_at_any_frame_rate():
    for fps_hz in (2.0, 15.0, 29.97):
        lengths = [len(list(run)) for _, run in itertools.groupby(_schedule(3, 600, fps_hz))]
        seconds = np.array(lengths[1:-1]) / fps_hz
        assert seconds.min() >= 6.0 - 1.0 / fps_hz
        assert seconds.max() <= 15.0 + 1.0 / fps_hz


def test_every_class_of_gasvid_occurs():
    assert LEAK_RATES_G_PER_H == (5.3, 277.7, 713.1, 958.8, 1124.3, 1389.8, 1806.1, 2051.6)
    assert set(_schedule(0, 3600)) == set(range(8))


def test_each_pause_is_at_least_two_thirds_of_the_leak_before_it():
    runs = [(key, len(list(run))) for key, run in itertools.groupby(_schedule(1, 1800))][:-1]
    for (leak, leak_frames), (_, pause_frames) in itertools.pairwise(runs):
        if leak:
            assert pause_frames >= 2.0 / 3.0 * leak_frames - 2


def test_leaks_are_on_at_the_start_as_often_as_asked_and_last_as_long():
    conditions = LeakConditions(phase_s=(5.0, 180.0), started_fraction=0.2)
    started = [_schedule(seed, 1, 2.0, conditions)[0] > 0 for seed in range(400)]
    assert np.mean(started) == pytest.approx(0.2, abs=0.06)
    lengths = []
    for seed in range(40):
        runs = itertools.groupby(_schedule(seed, 3600, 2.0, conditions) > 0)
        lengths += [len(list(run)) / 2.0 for leaks, run in runs if leaks][:-1]
    assert min(lengths) < 8.0
    assert 140.0 < max(lengths) <= 180.5
    # Half of the logarithm of 5 to 180.
    assert np.median(lengths) == pytest.approx(30.0, rel=0.2)
