import numpy as np
import pytest

from fgstp.core.errors import UserError
from fgstp.footage.video import LeakSchedule


def class_at(schedule, second, fps_hz=15.0):
    (leak_class,) = schedule.classes(round(second * fps_hz), 1, fps_hz)
    return leak_class


@pytest.mark.parametrize("leak_class", range(8))
def test_each_class_lasts_exactly_three_minutes(leak_class):
    # MOV_1467: class 0 starts at 0:18, class 1 at 3:18.
    schedule = LeakSchedule(18, 198)
    start_s = 18 + 180 * leak_class
    one_frame_s = 1 / 15
    assert class_at(schedule, start_s - one_frame_s) == leak_class - 1
    assert class_at(schedule, start_s) == leak_class
    assert class_at(schedule, start_s + 180 - one_frame_s) == leak_class
    assert class_at(schedule, start_s + 180) == leak_class + 1


def test_before_the_release_is_minus_1_and_long_after_it_8():
    schedule = LeakSchedule(18, 198)
    assert class_at(schedule, 0) == -1
    assert class_at(schedule, 17.9) == -1
    assert class_at(schedule, 18 + 8 * 180) == 8
    assert class_at(schedule, 100_000) == 8


def test_mov_2568_starts_at_once_and_class_1_begins_early():
    schedule = LeakSchedule(0, 157)
    assert [class_at(schedule, s) for s in (0, 156, 157, 336, 337)] == [0, 0, 1, 1, 2]
    assert class_at(schedule, 157 + 7 * 180 - 1) == 7
    assert class_at(schedule, 157 + 7 * 180) == 8


def test_mov_2582_class_0_lasts_six_minutes():
    schedule = LeakSchedule(11, 371)
    assert [class_at(schedule, s) for s in (10, 11, 191, 370, 371, 550, 551)] == [
        *(-1, 0, 0, 0),
        *(1, 1, 2),
    ]


def test_time_lapse_counts_seconds_of_the_scene_and_not_of_the_file():
    # Every 10th frame of MOV_1467: floor((f / 1.5 - 18) / 180).
    classes = LeakSchedule(18, 198).classes(0, 2208, 1.5)
    by_hand = [-1] * 27 + [k for k in range(8) for _ in range(270)] + [8] * 21
    assert classes.tolist() == by_hand


def test_a_stretch_is_a_slice_of_the_whole():
    schedule = LeakSchedule(4, 184)
    whole = schedule.classes(0, 4000, 15.0)
    stretch = schedule.classes(2700, 150, 15.0)
    assert stretch.dtype == np.int8
    assert set(stretch) == {0, 1}
    np.testing.assert_array_equal(stretch, whole[2700:2850])


@pytest.mark.parametrize(("start_0", "start_1"), [(-1, 100), (100, 100), (200, 100)])
def test_a_schedule_that_runs_backwards_is_refused(start_0, start_1):
    with pytest.raises(UserError, match=rf"{start_0} and {start_1}; correct the table") as error:
        LeakSchedule(start_0, start_1)
    assert "0 <= leak0_start_s < leak1_start_s" in str(error.value)
