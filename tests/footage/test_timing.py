import numpy as np
import pytest

from fgstp.footage.timing import Timing


def test_even_times_are_even():
    timing = Timing.even(100, 29.97)
    assert timing.fps_hz == pytest.approx(29.97)
    assert timing.slots.tolist() == list(range(100))
    assert timing.is_even
    assert not timing.has_gaps
    assert timing.remarks() == []
    assert timing.end_s == pytest.approx(100 / 29.97)


@pytest.mark.parametrize("stated_hz", [None, 30.0, 29.97])
def test_rounded_times_are_those_of_one_rate(stated_hz):
    # Matroska rounds to a millisecond.
    timing = Timing.of(np.round(np.arange(300) / 29.97, 3), stated_hz)
    assert timing.fps_hz == pytest.approx(29.97, rel=2e-3)
    assert timing.slots.tolist() == list(range(300))
    assert timing.remarks() == []


def test_a_coarse_clock_is_no_varying_rate_if_the_rate_is_stated():
    # GIF counts hundredths of a second: 3, 3, 4, 3, 3, 4.
    timing = Timing.of(np.floor(np.arange(90) * 100 / 30) / 100, 30.0)
    assert timing.fps_hz == 30
    assert timing.is_even


@pytest.mark.parametrize("stated_hz", [None, 15.0, 13.2, 600.0])  # the third: frames by duration
def test_frames_are_counted_through_gaps(stated_hz):
    kept = np.array([*range(40), *range(43, 100), *range(1100, 1200)])
    timing = Timing.of(kept / 15, stated_hz)
    assert timing.slots.tolist() == kept.tolist()
    assert timing.fps_hz == pytest.approx(15)
    assert timing.has_gaps
    assert timing.is_even
    (remark,) = timing.remarks()
    assert "1003 frames are missing" in remark
    assert "66.73 s at 6.60 s" in remark


def test_a_varying_rate_is_told():
    steps = np.random.default_rng(0).choice([20, 33, 47, 90], 200) / 1000
    timing = Timing.of(np.cumsum(steps))
    assert not timing.is_even
    (remark,) = timing.remarks()
    assert "varies" in remark


@pytest.mark.parametrize(("first", "second"), [(10, 10), (10, 11), (1, 1), (2, 2)])
def test_two_rates_in_one_video_are_told_whatever_lies_between_them(first, second):
    steps_s = [0.2] * first + [1 / 30] * second
    timing = Timing.of(np.cumsum([0, *steps_s]))
    assert any(timing.fps_hz == pytest.approx(rate_hz) for rate_hz in (5, 30))
    assert len(timing.times_s) == len(timing.slots) == first + second + 1
    (remark,) = timing.remarks()
    assert "varies, from 5" in remark or first == 1


def test_every_second_frame_missing_is_a_varying_rate_and_no_gap():
    timing = Timing.of([*np.arange(60) / 30, *(2 + np.arange(30) / 15)], 30)
    (remark,) = timing.remarks()
    assert "varies" in remark


def test_frames_at_one_time_are_one():
    timing = Timing.of([0, 0.1, 0.1, 0.2, 0.201, 0.3])
    np.testing.assert_allclose(timing.times_s, [0, 0.1, 0.2, 0.3])


def test_the_place_of_a_time_is_that_of_the_nearest_frame():
    timing = Timing.of([0, 0.1, 0.2, 0.9])
    assert [timing.place(time_s) for time_s in (-1, 0, 0.04, 0.06, 0.3, 0.8, 99)] == [
        *(0, 0, 0, 1),
        *(2, 3, 3),
    ]


@pytest.mark.parametrize("times_s", [[], [0.0], [3.0]])
def test_nothing_and_one_frame_have_a_timing(times_s):
    timing = Timing.of(times_s, 25)
    assert timing.fps_hz == 25
    assert len(timing.slots) == len(times_s)
    assert not timing.has_gaps
    assert timing.remarks() == []


def test_frames_that_follow_quickly_are_frames_of_their_own():
    steps = np.tile([0.1, 0.1, 0.01, 0.19], 15)  # a recorder that falls behind and catches up
    timing = Timing.of(np.cumsum(steps) - steps[0])
    assert len(timing.times_s) == 60
    assert not timing.is_even
    assert len(Timing.of([0.0, 0.1, 0.1 + 1e-9, 0.2]).times_s) == 3  # one frame in two packets
