"""Alarms against leaks; all values are worked out by hand. A frame a second."""

import numpy as np
import pandas as pd
import pytest

from fgstp.scoring.event_metrics import (
    detection_time_s,
    error_curve_area,
    false_alarms_per_hour,
    false_alarms_per_hour_bound,
    leak_free_hours,
    precision,
    recall,
)
from fgstp.scoring.event_scores import event_scores
from fgstp.scoring.events import BLOCK_S, SETTLE_S, leak_numbers, trials
from fgstp.scoring.leak_schedule import releases_s
from fgstp.scoring.timelines import COLUMNS

NAN, INF = np.nan, np.inf
ONE = np.ones((1, 1))


def frames(name, classes, evidence=0.0, distance_m=5.0, seed=None):
    """A frame a second; `classes` are pairs of a leak class and its seconds."""
    classes = np.repeat(*np.transpose(classes))
    times_s = np.arange(len(classes), dtype=float)
    rows = {"video": name, "frame": np.arange(len(classes)), "time_s": times_s}
    rows |= {"duration_s": 1.0, "leak_class": classes, "distance_m": distance_m, "seed": seed}
    rows |= {"release_s": releases_s(classes, times_s), "leak": leak_numbers(classes, times_s)}
    return pd.DataFrame(rows | {"evidence": evidence}).reindex(columns=list(COLUMNS))


def alarms(*rows, seed=None):
    """Alarms of a name of a video, raised and ended at a time."""
    found = pd.DataFrame(rows, columns=["video", "alarm_s", "end_s"])
    types = {"video": "str", "alarm_s": "float64", "end_s": "float64"}
    return found.astype(types).assign(seed=seed)


def verdicts(timeline, *rows):
    found = trials(timeline, alarms(*rows)).alarms
    return found.sort_values("alarm_s")["verdict"].tolist()


# ---------------------------------------------------------------------- leaks and alarms


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        ([(0, 2), (1, 2), (2, 1)], [0, 0, 1, 1, 1]),  # classes change, the leak goes on
        ([(3, 1), (0, 12), (3, 1)], [1] + [1] * 10 + [0] * 2 + [2]),  # it settles for ten seconds
        ([(3, 1), (0, 4), (3, 1)], [1, 1, 1, 1, 1, 2]),
        ([(7, 1), (8, 12)], [1] + [1] * 10 + [0] * 2),  # after the release likewise
        ([(-1, 2), (0, 2)], [0] * 4),
    ],
)
def test_a_leak_is_frames_of_gas_in_a_row_and_some_seconds_more(classes, expected):
    classes = np.repeat(*np.transpose(classes))
    found = leak_numbers(classes, np.arange(len(classes), dtype=float))
    np.testing.assert_array_equal(found, expected)
    assert SETTLE_S == 10.0


@pytest.fixture
def video():
    """Nothing until 20, a leak until 50, nothing until 100, after the release until 130."""
    return frames("a", [(0, 20), (3, 30), (0, 50), (8, 30)])


def test_an_alarm_is_judged_by_the_time_at_which_it_is_raised(video):
    raised = [(19.0, 25.0), (20.0, 30.0), (49.0, 49.0), (59.0, 61.0), (60.0, 61.0), (110.0, 115.0)]
    rows = [("a", *times) for times in raised]
    expected = ["false", "true", "true", "true", "false", "unknown"]
    assert verdicts(video, *rows) == expected
    found = trials(video, alarms(*rows))
    assert precision(found, ONE) == pytest.approx([3 / 5])
    # 20 s before the leak, and 40 s from ten after it until 100 s; frame 59 still belongs to it.
    hours = (20 + 41 - 1) / 3600
    assert leak_free_hours(found) == pytest.approx([hours], rel=0.02)
    assert false_alarms_per_hour(found, ONE) == pytest.approx(2 / leak_free_hours(found))
    bound = false_alarms_per_hour_bound(found, ONE)
    assert bound == pytest.approx(6.296 / leak_free_hours(found), rel=1e-4)  # Garwood, of two


def test_a_leak_counts_once_and_its_delay_is_that_of_the_first_true_alarm(video):
    found = trials(video, alarms(("a", 33.0, 40.0), ("a", 26.5, 28.0), ("a", 5.0, 60.0)))
    assert found.leaks["found"].tolist() == [True]
    assert found.leaks["delay_s"].tolist() == [6.5]


def test_an_alarm_that_is_always_on_is_false_and_finds_nothing(video):
    found = trials(video, alarms(("a", 1.0, 130.0)))
    assert recall(found, ONE) == [0.0]
    assert precision(found, ONE) == [0.0]
    assert found.leaks["delay_s"].tolist() == [INF]


def test_an_alarm_that_goes_on_into_the_next_leak_finds_it_too_but_has_no_delay_of_it():
    two = frames("a", [(0, 10), (2, 10), (0, 15), (5, 10), (0, 15), (5, 10)])
    found = trials(two, alarms(("a", 14.0, 37.0)))
    assert found.leaks["found"].tolist() == [True, True, False]
    np.testing.assert_array_equal(found.leaks["delay_s"], [4.0, NAN, INF])
    assert recall(found, ONE) == pytest.approx([2 / 3])
    assert detection_time_s(found, ONE, 0.5) == [4.0]
    assert detection_time_s(found, ONE, 0.9) == [INF]


def test_a_leak_that_is_on_at_the_start_can_be_found_but_has_no_delay():
    found = trials(frames("a", [(4, 20), (0, 30)]), alarms(("a", 8.0, 12.0)))
    assert found.leaks["found"].tolist() == [True]
    assert found.leaks["delay_s"].isna().all()
    assert np.isnan(detection_time_s(found, ONE, 0.5))


def test_each_class_of_a_leak_is_a_trial_of_its_rate():
    """Three classes of ten seconds; the alarm is raised in the second and ends before the third."""
    found = trials(frames("a", [(0, 5), (1, 10), (2, 10), (3, 10)]), alarms(("a", 16.0, 20.0)))
    assert found.steps["found"].tolist() == [False, True, False]
    assert found.steps["rate_g_per_h"].tolist() == [277.7, 713.1, 958.8]
    assert recall(found, ONE) == [1.0]


def test_an_alarm_in_the_seconds_after_a_leak_finds_its_last_class():
    found = trials(frames("a", [(0, 5), (1, 10), (2, 10), (0, 20)]), alarms(("a", 30.0, 31.0)))
    assert found.steps["found"].tolist() == [False, True]


def test_what_was_not_seen_counts_for_nothing(video):
    """Frames 10 to 29 were not predicted: the delay runs from the true beginning all the same."""
    seen = video[(video["frame"] < 10) | (video["frame"] >= 30)]
    found = trials(seen, alarms(("a", 32.0, 40.0)))
    assert found.leaks["delay_s"].tolist() == [12.0]
    before = trials(video, alarms())
    assert leak_free_hours(before) - leak_free_hours(found) == pytest.approx(10 / 3600)


def test_a_leak_of_which_only_the_seconds_after_it_were_seen_is_no_trial(video):
    assert trials(video[video["frame"] >= 49], alarms()).leaks["found"].tolist() == [False]
    after = trials(video[video["frame"] >= 50], alarms(("a", 52.0, 53.0)))
    assert (len(after.leaks), len(after.steps)) == (0, 0)
    assert after.alarms["verdict"].tolist() == ["true"]


def test_of_unknown_videos_neither_leaks_nor_alarms_count(video):
    unknown = frames("b", [(0, 9)]).assign(leak_class=pd.NA, leak=pd.NA)
    both = pd.concat([video.astype({"leak_class": "Int64"}), unknown], ignore_index=True)
    found = trials(both, alarms(("b", 3.0, 4.0), ("a", 25.0, 26.0)))
    assert found.videos.tolist() == ["a"]
    assert found.alarms["verdict"].tolist() == ["true"]


# ------------------------------------------------------------------------- error curve


def test_leak_free_time_counts_in_stretches_of_the_evidence_that_they_gain():
    """70 s are three stretches; what a leak has left behind and what falls gains nothing."""
    first = np.interp(np.arange(70), [0, 10, 40, 45, 69], [0, 3, 3, 8, 8])
    after = np.linspace(20, 0, 30)
    evidence = np.concatenate([first, np.full(10, 20.0), after])
    found = trials(frames("a", [(0, 70), (5, 10), (0, 30)], evidence), alarms())
    # The leak of ten seconds goes on for ten more, and the last twenty gain nothing.
    np.testing.assert_allclose(found.free["evidence"], [3, 8, 8, 0])
    np.testing.assert_allclose(found.free["hours"].sum(), (70 + 20) / 3600, atol=1.01 / 3600)
    assert found.leaks["evidence"].tolist() == [20.0]
    assert BLOCK_S == 30.0


def test_the_area_of_a_detector_that_separates_is_zero_and_of_a_blind_one_is_one():
    classes = [(0, 60), (5, 20)]
    good = trials(frames("a", classes, np.repeat([1.0, 9.0], [60, 20])), alarms())
    assert error_curve_area(good, ONE) == pytest.approx([0.0], abs=1e-12)
    blind = trials(frames("a", classes, 0.0), alarms())
    assert error_curve_area(blind, ONE) == [1.0]


# ----------------------------------------------------------------------------- summary


def test_weights_count_videos_that_often():
    rows = [frames("a", [(0, 30), (2, 20)]), frames("b", [(0, 90), (6, 20)])]
    own = [("a", 33.0, 34.0), ("b", 2.0, 3.0), ("b", 50.0, 51.0)]
    found = trials(pd.concat(rows, ignore_index=True), alarms(*own))
    weights = np.array([[1.0, 1.0], [2.0, 1.0], [0.0, 3.0]])
    assert recall(found, weights) == pytest.approx([1 / 2, 2 / 3, 0])
    assert precision(found, weights) == pytest.approx([1 / 3, 2 / 4, 0])
    assert false_alarms_per_hour(found, weights) * np.array([120, 150, 270]) / 3600 == (
        pytest.approx([2, 2, 6])
    )
    assert detection_time_s(found, weights, 0.5).tolist() == [3.0, 3.0, INF]


def scored(timeline, events):
    return event_scores(timeline, events, n_resamples=200, seed=1)


def test_intervals_are_those_of_a_bootstrap_over_videos():
    """Five videos with a leak each, of which the first three are found after a second."""
    names = "abcde"
    timeline = pd.concat([frames(name, [(0, 30), (3, 20)]) for name in names], ignore_index=True)
    scores = scored(timeline, alarms(*[(name, 31.0, 35.0) for name in "abc"]))
    assert (scores["n_videos"], scores["n_leaks"], scores["n_alarms"]) == (5, 5, 3)
    assert (scores["event_recall"], scores["event_precision"]) == (0.6, 1.0)
    # The quantiles 2.5 % and 97.5 % of five draws with probability 0.6 are 1 and 5.
    assert (scores["low"]["event_recall"], scores["high"]["event_recall"]) == (0.2, 1.0)
    assert scores["detection_time_s"] == 1.0
    assert (scores["low"]["detection_time_s"], scores["high"]["detection_time_s"]) == (1.0, None)
    assert scores["detection_time_90_s"] is None
    assert "90 %" in scores["notes"]["detection_time_90_s"]
    assert scores["low"]["false_alarms_per_hour"] is None
    few = scored(timeline[timeline["video"] != "e"], alarms())
    assert set(few["low"].values()) == {None}


def test_several_trainings_give_means_and_standard_deviations():
    parts = [frames("a", [(0, 30), (3, 20)], seed=seed) for seed in (1, 2)]
    own = [alarms(("a", 32.0, 33.0), seed=1), alarms(("a", 36.0, 37.0), ("a", 9.0, 9.0), seed=2)]
    scores = scored(pd.concat(parts, ignore_index=True), pd.concat(own, ignore_index=True))
    assert (scores["n_seeds"], scores["detection_time_s"]) == (2, 4.0)
    assert scores["spread"]["detection_time_s"] == pytest.approx(np.sqrt(8), abs=1e-6)
    assert scores["event_precision"] == 0.75


def test_without_a_schedule_there_are_no_scores_and_without_leaks_it_is_said(video):
    unknown = video.assign(leak_class=pd.array([pd.NA] * len(video), "Int64"))
    assert scored(unknown, alarms()) == {}
    scores = scored(frames("a", [(0, 60)]), alarms())
    assert scores["event_recall"] is None
    assert scores["notes"]["event_recall"] == "no leak"
    assert scores["false_alarms_per_hour"] == 0.0
    assert scores["false_alarms_per_hour_bound"] == pytest.approx(2.9957 * 60, rel=1e-4)
