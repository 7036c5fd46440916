import math

import numpy as np
import pytest

from fgstp.plumes.leak import (
    SLABS,
    Plume,
    absorbed_fraction,
    advect,
    column_density_ppm_m,
    pixel_grid,
    seen_through,
)
from fgstp.plumes.view import View

SHAPE = (60, 80)
PIXEL_M = 0.01
STEP_S = 0.1


def _image(value):
    return np.full((2, 2), value, np.float32)


def test_column_and_absorption_of_a_plume_worked_out_by_hand():
    # 1000 g/h carried off at 2 m/s in a plume 0.5 m high.
    column_g_per_m2 = _image(1000.0 / 3600.0 / (2.0 * 0.5))
    column_ppm_m = column_density_ppm_m(column_g_per_m2)
    assert column_g_per_m2[0, 0] == pytest.approx(0.28, abs=0.005)
    assert column_ppm_m[0, 0] == pytest.approx(417.0, abs=1.0)
    assert absorbed_fraction(column_ppm_m)[0, 0] == pytest.approx(0.045, abs=0.003)


def test_thin_gas_absorbs_in_proportion_and_thick_gas_saturates():
    assert absorbed_fraction(_image(0.0))[0, 0] == 0.0
    thin = [absorbed_fraction(_image(ppm_m))[0, 0] for ppm_m in (1.0, 2.0)]
    assert thin[1] / thin[0] == pytest.approx(2.0, rel=1e-3)
    # Without saturation, 100 000 ppm m would absorb 1 - exp(-11).
    assert 0.8 < absorbed_fraction(_image(1e5))[0, 0] < 0.95


@pytest.mark.parametrize(("background_k", "sign"), [(-10.0, 1.0), (0.0, 0.0), (5.0, -1.0)])
def test_gas_is_bright_before_cold_sky_and_dark_before_warm_ground(background_k, sign):
    change = seen_through(_image(background_k), _image(0.1), 0.0) - background_k
    assert change[0, 0] == pytest.approx(sign * 0.1 * abs(background_k), abs=1e-5)


def _plume(*, mouth_m=0.02, **more):
    view = View(SHAPE, PIXEL_M * SHAPE[1] / math.radians(24.0), (30.0, 30.0), 1e3)
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
