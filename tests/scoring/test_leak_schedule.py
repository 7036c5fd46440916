"""Frame scores against a leak schedule; all values are worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from fgstp.scoring.leak_schedule import (
    SCHEDULE_METRICS,
    ScheduledFrames,
    detection_delays_s,
    false_alarm_fraction,
    false_alarms_per_hour,
    false_alarms_per_hour_bound,
    found_fraction,
    leak_auroc,
    n_false_alarms,
    releases_s,
    time_to_detection_s,
)
from fgstp.scoring.timelines import COLUMNS, detection_scores, durations_s

NAN = np.nan


def video(name, classes, scores, first=0, step_s=2.0, release_s=None, **more):
    """Rows of frames that follow each other every `step_s` seconds."""
    numbers = first + np.arange(len(classes))
    times_s = step_s * numbers
    began_s = releases_s(np.array(classes), times_s) if release_s is None else release_s
    rows = {
        "video": name,
        "clip": f"{name}_0000",
        "mask_source": "none",
        "frame": numbers,
        "time_s": times_s,
    }
    rows |= {"duration_s": step_s, "leak_class": classes, "release_s": began_s, "score": scores}
    return pd.DataFrame(rows | {"threshold": 0.5, "seed": pd.NA} | more)


def frames(*videos):
    return ScheduledFrames.of(pd.concat(videos, ignore_index=True))


# ------------------------------------------------------------------------------ releases


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        ([-1, 0, 1, 2, 7, 8], [NAN, NAN, 20, 20, 20, NAN]),  # classes change, the release goes on
        ([0, 1, 0, 3, 3], [NAN, 10, NAN, 30, 30]),
        ([2, 3, 0, 1], [NAN, NAN, NAN, 30]),  # the first was on when the video began
        ([0, 0], [NAN, NAN]),
        ([8, 8, 1], [NAN, NAN, 20]),
        ([1], [NAN]),
    ],
)
def test_a_release_is_frames_of_gas_in_a_row(classes, expected):
    found = releases_s(np.array(classes, np.int8), 10.0 * np.arange(len(classes)))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("times_s", "fps_hz", "expected"),
    [
        ([0.0, 0.5, 1.0], 2.0, [0.5, 0.5, 0.5]),
        ([0.0, 0.1, 0.4], 10.0, [0.1, 0.3, 0.1]),  # the rate varies
        ([0.0, 0.1, 60.1], 10.0, [0.1, 1.0, 0.1]),  # the camera paused
        ([0.0, 4.0, 60.0], 0.25, [4.0, 4.0, 4.0]),
        ([7.0], 5.0, [0.2]),
    ],
)
def test_a_frame_lasts_until_the_next_one(times_s, fps_hz, expected):
    np.testing.assert_allclose(durations_s(np.array(times_s), fps_hz), expected)


# --------------------------------------------------------------------------------- AUROC


def test_auroc_is_of_frames_with_a_leak_against_leak_free_ones():
    # Leak-free 0.1, 0.3, 0.5; weak 0.2, 0.5; strong 0.9, 0.4; 0.0 after the release counts not.
    found = frames(
        video("a", [-1, 0, 1, 2, 3, 7, 8], [0.1, 0.3, 0.2, 0.5, 0.9, 0.4, 0.0]),
        video("b", [0], [0.5]),
    )
    # 0.2 is above one of three, 0.5 above two and equal to one, 0.9 above three, 0.4 above two.
    assert leak_auroc(found) == pytest.approx((1 + 2.5 + 3 + 2) / 12)
    assert leak_auroc(found, 1, 2) == pytest.approx((1 + 2.5) / 6)
    assert leak_auroc(found, 3, 7) == pytest.approx((3 + 2) / 6)
    assert leak_auroc(found, 4, 4) != leak_auroc(found, 4, 4)  # NaN: no such frame


@pytest.mark.parametrize("classes", [[0, 0], [3, 3], [8, 8]])
def test_auroc_needs_frames_of_both_kinds(classes):
    assert np.isnan(leak_auroc(frames(video("a", classes, [0.1, 0.9]))))


# ------------------------------------------------------------------------------ releases


def test_delays_run_from_the_release_to_its_first_alarm():
    found = frames(
        # Released at 4 s; the alarm before does not count, that at 8 s does, exactly at 0.5.
        video("a", [0, 0, 1, 1, 2, 2], [0.9, 0.1, 0.2, 0.4, 0.5, 0.9]),
        # Released at 2 s and found at once, and at 10 s and never found.
        video("b", [0, 1, 1, 8, 0, 1, 1], [0.0, 0.8, 0.0, 0.9, 0.9, 0.1, 0.1]),
        # The beginning of this release is unknown.
        video("c", [5, 5], [0.9, 0.9]),
    )
    np.testing.assert_array_equal(np.sort(detection_delays_s(found)), [0.0, 4.0, NAN])
    assert found_fraction(found) == pytest.approx(2 / 3)
    assert time_to_detection_s(found) == pytest.approx(2.0)


def test_of_a_release_only_scored_frames_can_be_alarms():
    """The clip with its beginning was dropped: the delay counts from there all the same."""
    later = video("a", [1, 1, 1], [0.1, 0.9, 0.9], first=10, release_s=[6.0] * 3)
    assert detection_delays_s(frames(later)).tolist() == [2.0 * 11 - 6.0]


def test_without_a_release_nothing_can_be_found():
    found = frames(video("a", [0, 0], [0.9, 0.1]))
    assert np.isnan(found_fraction(found))
    assert np.isnan(time_to_detection_s(found))
    none = frames(video("a", [0, 1], [0.9, 0.1]))
    assert found_fraction(none) == 0.0
    assert np.isnan(time_to_detection_s(none))


# -------------------------------------------------------------------------- false alarms


def test_false_alarms_are_counted_where_the_score_rises():
    found = frames(
        # Two rises: at the first frame, and after a fall; the one with gas is no false alarm.
        video("a", [0, 0, 0, 0, 1], [0.9, 0.9, 0.1, 0.7, 0.9]),
        # It begins anew in another video, and after frames that were not scored.
        video("b", [-1], [0.9]),
        video("b", [0, 0], [0.9, 0.9], first=4),
        video("c", [1, 0, 8], [0.9, 0.1, 0.9]),
    )
    assert n_false_alarms(found) == 4
    assert false_alarm_fraction(found) == pytest.approx((3 + 1 + 2) / (4 + 1 + 2 + 1))
    hours = 2.0 * 8 / 3600
    assert found.leak_free_hours == pytest.approx(hours)
    assert false_alarms_per_hour(found) == pytest.approx(4 / hours)
    # chi2.ppf(0.95, 10) = 18.307, from a table.
    assert false_alarms_per_hour_bound(found) == pytest.approx(18.307 / 2 / hours, rel=1e-4)


def test_an_alarm_that_outlasts_its_release_has_not_risen_again():
    assert n_false_alarms(frames(video("a", [1, 0, 0], [0.9, 0.9, 0.9]))) == 0
    assert n_false_alarms(frames(video("a", [1, 0, 0], [0.9, 0.1, 0.9]))) == 1


def test_without_leak_free_footage_there_is_no_rate():
    found = frames(video("a", [1, 2], [0.9, 0.9]))
    assert n_false_alarms(found) == 0
    for value in (false_alarm_fraction, false_alarms_per_hour, false_alarms_per_hour_bound):
        assert np.isnan(value(found))


# ------------------------------------------------------------------------------- summary


def timelines(*trainings):
    """Rows of trainings with their seeds."""
    rows = [part.assign(seed=seed) for seed, part in enumerate(trainings, start=1)]
    return pd.concat(rows, ignore_index=True).reindex(columns=list(COLUMNS))


def test_the_order_of_rows_does_not_matter():
    rows = pd.concat(
        [
            video("b", [0, 0, 1, 1], [0.9, 0.1, 0.2, 0.9]),
            video("a", [0, 1, 1, 8], [0.1, 0.3, 0.7, 0.9]),
        ]
    )
    expected = detection_scores(rows)
    assert detection_scores(rows.sample(frac=1, random_state=0)) == expected
    assert expected["n_releases"] == 2
    assert expected["found_fraction"] == 1.0
    assert expected["time_to_detection_s"] == 2.0


def test_frames_of_unknown_class_are_left_out():
    known = video("a", [0, 1], [0.1, 0.9])
    unknown = video("b", [0, 0], [0.9, 0.9]).assign(leak_class=pd.array([pd.NA] * 2, "Int64"))
    both = pd.concat([known.astype({"leak_class": "Int64"}), unknown], ignore_index=True)
    assert detection_scores(both) == detection_scores(known)
    assert detection_scores(unknown) == {}


def test_several_trainings_give_means_and_standard_deviations():
    first = video("a", [0, 0, 1, 1], [0.1, 0.9, 0.9, 0.9])
    second = video("a", [0, 0, 1, 1], [0.1, 0.2, 0.3, 0.9], threshold=0.8)
    scores = detection_scores(timelines(first, second))
    assert (scores["n_seeds"], scores["n_videos"], scores["n_frames"]) == (2, 1, 4)
    assert scores["thresholds"] == [0.5, 0.8]
    assert scores["time_to_detection_s"] == pytest.approx((0 + 2) / 2)
    assert scores["spread"]["time_to_detection_s"] == pytest.approx(np.sqrt(2))
    assert scores["false_alarm_fraction"] == pytest.approx((1 / 2 + 0) / 2)
    assert set(scores["spread"]) == {metric.name for metric in SCHEDULE_METRICS}
    assert "spread" not in detection_scores(timelines(first))


def test_what_is_undefined_is_none_as_json_knows_no_nan():
    scores = detection_scores(video("a", [0, 0], [0.1, 0.9]))
    assert scores["leak_auroc"] is None
    assert scores["found_fraction"] is None
    assert scores["false_alarm_fraction"] == 0.5
