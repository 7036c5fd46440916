import numpy as np
import pytest

from fgstp.core.errors import UserError
from fgstp.footage.video import LeakSchedule


def class_at(schedule, second, fps_hz=15.0):
    (leak_class,) = schedule.classes(np.array([round(second * fps_hz) / fps_hz]))
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


@pytest.mark.parametrize(
    ("starts", "classes"),
    [
        ((0, 157), {0: 0, 156: 0, 157: 1, 336: 1, 337: 2, 1416: 7, 1417: 8}),  # MOV_2568
        ((11, 371), {10: -1, 11: 0, 191: 0, 370: 0, 371: 1, 550: 1, 551: 2}),  # MOV_2582
    ],
)
def test_class_0_is_not_always_three_minutes_long(starts, classes):
    assert {second: class_at(LeakSchedule(*starts), second) for second in classes} == classes


def test_a_time_lapse_has_the_classes_of_its_seconds():
    # Every 10th frame of MOV_1467: floor((f / 1.5 - 18) / 180).
    classes = LeakSchedule(18, 198).classes(np.arange(2208) / 1.5)
    by_hand = [-1] * 27 + [k for k in range(8) for _ in range(270)] + [8] * 21
    assert classes.tolist() == by_hand


def test_times_need_not_be_even():
    classes = LeakSchedule(4, 184).classes(np.array([0, 3.9, 4, 183.9, 184, 100_000]))
    assert classes.dtype == np.int8
    assert classes.tolist() == [-1, -1, 0, 0, 1, 8]


@pytest.mark.parametrize(("start_0", "start_1"), [(-1, 100), (100, 100), (200, 100)])
def test_a_schedule_that_runs_backwards_is_refused(start_0, start_1):
    with pytest.raises(UserError, match=rf"{start_0} and {start_1}; correct the table") as error:
        LeakSchedule(start_0, start_1)
    assert "0 <= leak0_start_s < leak1_start_s" in str(error.value)
