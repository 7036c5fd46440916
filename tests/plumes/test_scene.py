import dataclasses
import itertools

import numpy as np
import pytest

from fgstp.plumes.camera import PRESETS, View
from fgstp.plumes.confusers import Clouds, Steam, Traffic
from fgstp.plumes.layout import Tube
from fgstp.plumes.leak import pixel_grid
from fgstp.plumes.scene import Light, build_scene, draw

SHAPE = (96, 128)
LIGHT = Light(side=0.4, streak_k=1.0, rim_k=3.0, slope_k=0.5)
OFTEN = {"birds_per_minute": 60.0, "people_per_minute": 60.0, "steam_probability": 1.0}
EVERY_SECOND = dataclasses.replace(PRESETS["close_complex"], **OFTEN)


def _view(*, hill=False):
    return View(SHAPE, 4.6, (64.0, 55.0), 40.0 if hill else 1000.0, hill)


def test_pixel_width_follows_from_24_degrees():
    # The specification's table: 6.0 mm at 4.6 m for 320 pixels.
    assert View((240, 320), 4.6, (0, 0), 1e3, False).pixel_m == pytest.approx(0.0060, abs=5e-5)
    assert View((60, 80), 4.6, (0, 0), 1e3, False).pixel_m == pytest.approx(0.0241, abs=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_sky_is_colder_than_air_and_warms_towards_the_horizon(seed):
    scene = build_scene(np.random.default_rng(seed), _view())
    open_sky = scene.sky > 0.99
    assert open_sky.mean() > 0.4
    assert scene.temperature_k[open_sky].max() < -5.0
    rows = [scene.temperature_k[y][open_sky[y]].mean() for y in (2, 30, 60)]
    assert rows == sorted(rows)
    assert scene.temperature_k[~open_sky & (scene.sky < 0.01)].mean() > -5.0


@pytest.mark.parametrize("seed", range(3))
def test_hill_is_warmer_than_air(seed):
    scene = build_scene(np.random.default_rng(seed), _view(hill=True))
    assert scene.sky[-1].max() == 0.0
    assert scene.temperature_k[70:].mean() > 1.0
    assert scene.temperature_k[:10][scene.sky[:10] > 0.99].mean() < -3.0


def test_tube_covers_its_place_with_a_warm_middle_and_cold_rims():
    temperature = np.full(SHAPE, -10.0, np.float32)
    cover = np.zeros(SHAPE, np.float32)
    tube = Tube(((60.0, 20.0), (60.0, 200.0)), radius_px=10.0, temperature_k=2.0, end_flatness=4.0)
    draw(temperature, cover, tube, LIGHT)
    assert cover[60, 51:70].min() == 1.0
    assert cover[:, :48].max() == cover[:, 72:].max() == cover[:15].max() == 0.0
    assert temperature[60, 60] > temperature[60, 51] + 1.0
    assert (temperature[cover == 0.0] == -10.0).all()
    before = temperature.copy(), cover.copy()
    draw(temperature, cover, Tube(((500.0, 20.0),), 10.0, 2.0, 1.0), LIGHT)  # outside
    np.testing.assert_array_equal((temperature, cover), before)


def test_clouds_are_warmer_than_sky_drift_and_leave_gaps():
    clouds = Clouds(np.random.default_rng(1), SHAPE, PRESETS["close_complex"], 1.0 / 15.0)
    first = clouds.step()
    for _ in range(30):
        last = clouds.step()
    assert first.min() >= 0.0
    assert 0.5 < first.max() < 5.0
    assert np.mean(first < 0.05) > 0.4
    assert np.abs(last - first).max() > 0.3


def test_birds_and_people_come_move_and_leave():
    traffic = Traffic(np.random.default_rng(1), _view(), EVERY_SECOND, 0.1)
    backdrop = np.ones(SHAPE, np.float32)
    backdrop[:, 60:70] = 0.0
    changed = []
    for _ in range(300):
        picture = np.zeros(SHAPE, np.float32)
        traffic.step(picture, backdrop)
        changed.append(picture != 0.0)
    seen = np.array(changed)
    assert seen[:, :40].any()  # birds
    assert seen[:, -10:].any()  # people
    assert not seen[:, :, 60:70].any()  # hidden behind equipment
    assert seen.mean() < 0.1
    moves = [(a != b).any() for a, b in itertools.pairwise(seen[100:])]
    assert np.mean(moves) > 0.9


def test_steam_hides_what_is_behind_it_and_some_presets_have_none():
    backgrounds = [np.full(SHAPE, value, np.float32) for value in (-10.0, 10.0)]
    contrast = []
    for preset in (EVERY_SECOND, PRESETS["close_clear"]):
        steam = Steam(np.random.default_rng(1), _view(), preset, 1.0 / 30.0)
        for _ in range(20):
            steam.step([pixel_grid(SHAPE)] * 4)
        first, second = (steam.in_front_of(background) for background in backgrounds)
        contrast.append(second - first)
    assert contrast[0].min() < 1.0
    assert contrast[0].max() == pytest.approx(20.0)
    assert (contrast[1] == 20.0).all()
