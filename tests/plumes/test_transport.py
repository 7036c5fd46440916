import math

import numpy as np
import pytest

from fgstp.plumes.camera import View
from fgstp.plumes.leak import SLABS, Plume, advect, pixel_grid

SHAPE = (60, 80)
PIXEL_M = 0.01
STEP_S = 0.1


def _plume(*, mouth_m=0.02, **more):
    view = View(SHAPE, PIXEL_M * SHAPE[1] / math.radians(24.0), (30.0, 30.0), 1e3, False)
    return Plume(np.random.default_rng(1), view, mouth_m=mouth_m, sub_step_s=STEP_S, **more)


def _departures(way_px):
    return [pixel_grid(SHAPE) - np.array(way_px, np.float32)] * SLABS


def _centre(column):
    y, x = np.mgrid[: column.shape[0], : column.shape[1]]
    return (x * column).sum() / column.sum(), (y * column).sum() / column.sum()


def test_a_blob_goes_where_the_wind_blows_and_keeps_its_mass():
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    blob = np.exp(-((x - 20) ** 2 + (y - 20) ** 2) / (2 * 3.0**2)).astype(np.float32)
    mass = blob.sum()
    departures_px = _departures((2.3, 0.7))[0]
    for _ in range(12):
        blob = advect(blob, departures_px)
    # OpenCV's cubic kernel (a = -0.75) errs by up to 0.05 pixels a step.
    assert _centre(blob) == pytest.approx((20 + 12 * 2.3, 20 + 12 * 0.7), abs=12 * 0.05)
    assert blob.sum() == pytest.approx(mass, rel=0.01)
    assert blob.min() >= 0.0


def test_released_mass_is_rate_times_time():
    plume = _plume()
    for _ in range(300):
        plume.step(_departures((0.02, 0.0)), 0.5)
    # Puffs come and go; over 300 of them the mean is the rate.
    mass_g = plume.column_g_per_m2.sum() * PIXEL_M**2
    assert mass_g == pytest.approx(0.5 * 300 * STEP_S, rel=0.15)


def test_release_in_a_fast_wind_is_a_streak_without_beads():
    plume = _plume(mouth_m=0.01)
    for _ in range(8):
        plume.step(_departures((12.0, 0.0)), 0.5)
    along = plume.column_g_per_m2.sum(axis=0)[34:74]
    # Beads 12 pixels apart would leave gaps between them.
    assert along.min() > 0.2 * along.max()


def test_nothing_is_there_before_a_release_and_all_blows_away_after_it():
    plume = _plume()
    for _ in range(3):
        plume.step(_departures((4.0, 0.0)), 0.0)
    assert not plume.column_g_per_m2.any()
    plume.step(_departures((4.0, 0.0)), 0.5)
    assert plume.column_g_per_m2.any()
    for _ in range(30):
        plume.step(_departures((4.0, 0.0)), 0.0)
    assert not plume.column_g_per_m2.any()


def test_steam_evaporates_within_its_lifetime():
    lasting, fading = _plume(), _plume(lifetime_s=0.5)
    for plume in (lasting, fading):
        plume.step(_departures((0.0, 0.0)), 1.0)
        for _ in range(5):
            plume.step(_departures((0.0, 0.0)), 0.0)
    left = fading.column_g_per_m2.sum() / lasting.column_g_per_m2.sum()
    assert left == pytest.approx(np.exp(-5 * STEP_S / 0.5), rel=0.02)
