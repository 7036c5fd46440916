"""Alarms over maps that are known, against those of a detector and of single thresholds."""

import math

import cv2
import numpy as np
import pytest

from fgstp.detection.alarms import Alarms
from fgstp.detection.replay import replay
from fgstp.detection.settings import DetectionSettings

SIZE, FPS_HZ = (48, 64), 10.0
HERE = (slice(8, 24), slice(8, 24))
MARGIN = math.log(230 / 25)  # log odds of a level of 230 against a threshold of a half


def settings(**alarms):
    return DetectionSettings.model_validate({"alarms": {"width_cells": 16, **alarms}})


def footage(shown):
    """A noisy scene, and maps with a plume in the frames that are `shown`."""
    rng = np.random.default_rng(0)
    scene = 80 + 400 * cv2.GaussianBlur(rng.normal(0, 1, SIZE), (0, 0), 4)
    frames = scene + rng.normal(0, 2, (len(shown), *SIZE))
    frames = np.rint(frames).clip(0, 255).astype(np.uint8)
    maps = np.zeros_like(frames)
    maps[:, *HERE] = 230 * np.asarray(shown, np.uint8)[:, None, None]
    return frames, maps


def replayed(shown, times_s=None, **alarms):
    times_s = np.arange(len(shown)) / FPS_HZ if times_s is None else times_s
    return replay(SIZE, *footage(shown), times_s, settings(**alarms))


def test_the_evidence_is_that_of_the_equation():
    found = replayed([True] * 200)
    times_s = np.arange(200) / FPS_HZ
    expected = 20 * MARGIN * -np.expm1(-times_s / 20)
    np.testing.assert_allclose(found.evidence, expected, rtol=0.01, atol=0.02)


@pytest.mark.parametrize("threshold", [3.0, 8.0, 15.0])
def test_an_alarm_comes_when_the_evidence_exceeds_its_threshold(threshold):
    """So the threshold may vary without another look at the maps."""
    rng = np.random.default_rng(1)
    shown = np.repeat(rng.random(60) < 0.6, 10)  # on and off, second by second
    evidence = replayed(shown).evidence
    (first, *_) = replayed(shown, threshold=threshold).events
    assert first.alarm_s == np.flatnonzero(evidence > threshold)[0] / FPS_HZ


def test_events_are_those_of_alarms_that_see_the_same_maps():
    shown = np.repeat([False, True, False, True, False], [50, 200, 800, 150, 100])
    found = replayed(shown)
    alarms, own = Alarms(SIZE, settings()), {}
    for number, levels in enumerate(footage(shown)[1]):
        for change in alarms.update(np.float32(levels / 255), number / FPS_HZ):
            own[change.event.number] = change.event
    alarms.forget()
    assert len(found.events) == len(own) == 2
    for event, expected in zip(found.events, own.values(), strict=True):
        assert (event.alarm_s, event.end_s) == (expected.alarm_s, expected.end_s)
        assert event.confidence == pytest.approx(230 / 255, abs=1e-3)
    assert found.events[0].end_s == pytest.approx(24.9, abs=1e-6)


def test_a_picture_that_tells_nothing_brings_no_alarm():
    shown = [True] * 200
    frames, maps = footage(shown)
    dark = np.zeros_like(frames)
    found = replay(SIZE, dark, maps, np.arange(200) / FPS_HZ, settings())
    assert found.events == []
    assert found.evidence.max() < replayed(shown).evidence.max()


def test_a_pause_of_the_camera_counts_as_a_second():
    """As in the detector: evidence neither falls nor rises while nothing is seen."""
    times_s = np.concatenate([np.arange(40) / FPS_HZ, 20 + np.arange(40) / FPS_HZ])
    paused, whole = replayed([True] * 80, times_s), replayed([True] * 80)
    assert len(paused.events) == 1
    assert whole.evidence[-1] < paused.evidence[-1] < whole.evidence[-1] + MARGIN
