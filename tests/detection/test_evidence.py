import math

import numpy as np
import pytest

from fgstp.detection.evidence import Evidence
from fgstp.detection.settings import AlarmSettings

SIZE = (24, 32)
SETTINGS = AlarmSettings(width_cells=8, memory_s=20.0, rise_per_s=4.0, fall_per_s=1.0)


def flat(p):
    return np.full(SIZE, p, np.float32)


def after(p, seconds, fps_hz=15.0, p0=0.5):
    evidence = Evidence(SIZE, SETTINGS, p0)
    for number in range(round(seconds * fps_hz) + 1):
        evidence.update(flat(p), number / fps_hz)
    return evidence.values


def test_the_grid_has_the_shape_of_the_frame():
    assert Evidence((240, 320), AlarmSettings(width_cells=80), 0.5).values.shape == (60, 80)
    assert Evidence((5, 7), AlarmSettings(width_cells=80), 0.5).values.shape == (5, 7)


@pytest.mark.parametrize("p0", [0.3, 0.5])
def test_a_steady_probability_gives_the_solution_of_the_equation(p0):
    # dL/dt = -L / 20 + d, so L(t) = 20 d (1 - exp(-t / 20)).
    drive = math.log(0.8 / 0.2) - math.log(p0 / (1 - p0))
    for seconds in (2.0, 10.0, 200.0):
        expected = 20 * drive * (1 - math.exp(-seconds / 20))
        np.testing.assert_allclose(after(0.8, seconds, p0=p0), expected, rtol=0.02)


def test_it_does_not_depend_on_the_frame_rate():
    np.testing.assert_allclose(after(0.9, 8.0, 15.0), after(0.9, 8.0, 3.0), rtol=0.05)


def test_it_never_falls_below_nothing_and_is_bounded_by_rise_and_fall():
    assert not after(0.2, 30.0).any()
    assert after(1.0, 1.0) == pytest.approx(4.0, rel=0.05)
    evidence = Evidence(SIZE, SETTINGS, 0.5)
    for number in range(11):
        evidence.update(flat(1.0), float(number))
    before = evidence.values.max()
    evidence.update(flat(0.0), 11.0)
    assert evidence.values.max() == pytest.approx(before * math.exp(-1 / 20) - 1.0, rel=1e-4)


def test_a_gap_between_frames_counts_as_a_second():
    evidence = Evidence(SIZE, SETTINGS, 0.5)
    for time_s in (0.0, 3600.0):
        evidence.update(flat(1.0), time_s)
    assert evidence.values.max() == pytest.approx(4.0)


def test_what_moves_on_leaves_little_and_what_stays_collects():
    stays, moves = (Evidence(SIZE, SETTINGS, 0.5) for _ in range(2))
    for number in range(60):
        spot = np.zeros(SIZE, np.float32)
        spot[8:12, 4:8] = 1.0
        stays.update(spot, number / 15)
        moves.update(np.roll(spot, number, axis=1), number / 15)
    assert stays.values.max() == pytest.approx(stays.values[2, 1])
    assert stays.values.max() > 5 * moves.values.max()


def test_it_can_begin_anew():
    evidence = Evidence(SIZE, SETTINGS, 0.5)
    evidence.update(flat(1.0), 0.0)
    evidence.update(flat(1.0), 1.0)
    evidence.forget()
    assert not evidence.values.any()
