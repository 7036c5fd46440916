import math

import numpy as np
import pytest

from fgstp.detection.alarms import Alarms
from fgstp.detection.settings import DetectionSettings

SIZE, FPS_HZ = (48, 64), 10.0
SETTINGS = DetectionSettings.model_validate(
    {
        "regions": {"min_area_fraction": 0.001},
        "alarms": {"width_cells": 16, "threshold": 8.0, "clear_s": 30.0},
    }
)
HERE, THERE = (slice(8, 16), slice(8, 16)), (slice(30, 40), slice(44, 56))


def spot(*places, p=0.9):
    found = np.zeros(SIZE, np.float32)
    for place in places:
        found[place] = p
    return found


def run(alarms, show, until_s, begin_s=0.0):
    """Changes with their times; `show` gives the map of a time."""
    times_s = np.arange(round(begin_s * FPS_HZ), round(until_s * FPS_HZ)) / FPS_HZ
    return [
        (time_s, change.kind, change.event)
        for time_s in times_s
        for change in alarms.update(show(time_s), float(time_s))
    ]


def kinds(changes):
    return [kind for _, kind, _ in changes if kind != "update"]


@pytest.fixture
def alarms():
    return Alarms(SIZE, SETTINGS)


def test_an_alarm_comes_when_the_equation_says(alarms):
    changes = run(alarms, lambda time_s: spot(HERE) if time_s >= 10 else spot(), 40)
    assert kinds(changes) == ["new"]
    time_s, _, event = changes[0]
    # 20 ln(9) (1 - exp(-t / 20)) = 8.
    rise_s = -20 * math.log(1 - 8 / (20 * math.log(9)))
    assert time_s == pytest.approx(10 + rise_s, abs=0.3)
    assert event.alarm_s == time_s
    assert event.start_s == pytest.approx(10, abs=1.5)
    assert event.end_s is None


def test_an_event_tells_where_how_sure_and_how_large(alarms):
    run(alarms, lambda _: spot(HERE, p=0.8), 30)
    (event,) = alarms.events
    assert event.confidence == pytest.approx(0.8, abs=1e-3)
    assert event.peak == pytest.approx(0.8)
    assert event.area_fraction == event.max_area_fraction == pytest.approx(64 / (48 * 64))
    assert event.box == (8, 8, 8, 8)
    assert event.outline.min(axis=0).tolist() == [8, 8]
    column, row = event.source_xy
    assert 8 <= column < 16
    assert 8 <= row < 16


def test_the_source_is_where_gas_is_all_the_time(alarms):
    rng = np.random.default_rng(0)

    def plume(_):
        found = spot((slice(20, 26), slice(10, 14)))
        found[18:28, 14 : int(rng.integers(16, 50))] = 0.9  # flutters
        return found

    run(alarms, plume, 40)
    (event,) = alarms.events
    assert event.source_xy[0] < 20
    assert event.box[0] == 10
    assert event.box[2] > 25


def test_it_ends_some_time_after_gas_was_last_seen(alarms):
    changes = run(alarms, lambda time_s: spot(HERE) if time_s < 30 else spot(), 140)
    assert kinds(changes) == ["new", "end"]
    told_s, _, event = changes[-1]
    assert event.end_s == pytest.approx(29.9)
    assert told_s >= event.end_s + 30
    assert alarms.events == []
    assert not alarms.evidence.any()


@pytest.mark.parametrize(("pause_s", "n_events"), [(10, 1), (120, 2)])
def test_a_short_pause_belongs_to_the_event(alarms, pause_s, n_events):
    end_s = 30 + pause_s
    changes = run(alarms, lambda t: spot() if 30 <= t < end_s else spot(HERE), end_s + 30)
    assert kinds(changes).count("new") == n_events


def test_two_leaks_are_two_events(alarms):
    changes = run(alarms, lambda t: spot(HERE, THERE) if t > 20 else spot(HERE), 60)
    assert kinds(changes) == ["new", "new"]
    first, second = alarms.events
    assert (first.number, second.number) == (1, 2)
    assert first.box[0] < second.box[0]
    assert second.area_fraction > first.area_fraction


def test_events_that_grow_together_are_one(alarms):
    whole = (slice(8, 40), slice(8, 56))
    changes = run(alarms, lambda t: spot(HERE, THERE) if t < 30 else spot(whole), 60)
    assert kinds(changes) == ["new", "new", "end"]
    assert [event.number for event in alarms.events] == [1]


def test_what_passes_by_is_no_alarm(alarms):
    def bird(time_s):
        left = int(time_s * 8) % 56  # a body length a second
        return spot((slice(20, 28), slice(left, left + 8)))

    assert not run(alarms, bird, 120)


def test_a_flash_is_no_alarm_but_a_pre_alarm(alarms):
    assert not run(alarms, lambda _: spot(HERE, p=0.999), 2.2)
    assert alarms.is_pre_alarm
    assert not run(alarms, lambda _: spot(), 60, begin_s=2.2)
    assert not alarms.is_pre_alarm


def test_zones_decide_what_is_watched():
    watched = np.zeros(SIZE, bool)
    watched[:, 32:] = True
    alarms = Alarms(SIZE, SETTINGS, watched)
    run(alarms, lambda _: spot(HERE, THERE), 30)
    (event,) = alarms.events
    assert event.box[0] == 44


def test_an_event_is_told_again_only_when_it_grows(alarms):
    changes = run(alarms, lambda _: spot(HERE), 600)
    assert len(changes) < 8
    assert {event.number for *_, event in changes} == {1}


def test_beginning_anew_ends_what_goes_on(alarms):
    run(alarms, lambda _: spot(HERE), 30)
    (change,) = alarms.forget()
    assert (change.kind, change.event.end_s) == ("end", pytest.approx(29.9))
    assert alarms.events == []
    assert not run(alarms, lambda _: spot(HERE), 33, begin_s=30)


def test_the_frame_rate_does_not_matter():
    times_s = []
    for fps_hz in (2.0, 15.0):
        alarms = Alarms(SIZE, SETTINGS)
        for number in range(round(30 * fps_hz)):
            alarms.update(spot(HERE), number / fps_hz)
        times_s.append(alarms.events[0].alarm_s)
    assert times_s[0] == pytest.approx(times_s[1], abs=1.0)


@pytest.mark.parametrize(("p_between", "n_events"), [(0.0, 2), (0.35, 1)])
def test_gas_that_is_connected_is_one_leak(alarms, p_between, n_events):
    def show(time_s):
        found = spot(HERE) if time_s < 10 else spot(HERE, THERE)
        between = np.zeros(SIZE, bool)
        between[12:14, 16:50] = between[12:30, 48:50] = True  # too faint to speak for gas alone
        found[between] = p_between * (time_s >= 10)
        return found

    assert kinds(run(alarms, show, 40)) == ["new"] * n_events
    assert len(alarms.events) == n_events
    assert kinds(run(alarms, lambda _: spot(), 200, begin_s=40)) == ["end"] * n_events
