from typing import get_args

import numpy as np
import pytest

from fgstp.plumes.canvas import Canvas
from fgstp.plumes.conditions import SceneName
from fgstp.plumes.scene import build_scene
from fgstp.plumes.view import View

SHAPE = (96, 128)
SCENES = get_args(SceneName)


def _view(scene="plant", horizon_px=1000.0):
    return View(SHAPE, 4.6, (64.0, 55.0), horizon_px, scene)


def _scene(seed, *facts):
    return build_scene(np.random.default_rng(seed), _view(*facts))


def test_pixel_width_follows_from_distance_and_field_of_view():
    # The specification's table: 6.0 mm at 4.6 m for 320 pixels.
    assert View((240, 320), 4.6, (0, 0), 1e3).pixel_m == pytest.approx(0.0060, abs=5e-5)
    assert View((60, 80), 4.6, (0, 0), 1e3).pixel_m == pytest.approx(0.0241, abs=1e-4)
    wide = View((240, 320), 4.6, (0, 0), 1e3, field_of_view_deg=48.0)
    assert wide.pixel_m == pytest.approx(0.0120, abs=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_sky_above_a_plant_is_colder_than_air_and_warms_towards_the_horizon(seed):
    scene = _scene(seed)
    open_sky = scene.sky > 0.99
    assert open_sky.mean() > 0.4
    assert scene.temperature_k[open_sky].max() < -5.0
    rows = [scene.temperature_k[y][open_sky[y]].mean() for y in (2, 30, 60)]
    assert rows == sorted(rows)
    assert scene.temperature_k[~open_sky & (scene.sky < 0.01)].mean() > -5.0


@pytest.mark.parametrize("seed", range(3))
def test_hill_is_warmer_than_air(seed):
    scene = _scene(seed, "hill", 40.0)
    assert scene.sky[-1].max() == 0.0
    assert scene.temperature_k[70:].mean() > 1.0
    assert scene.temperature_k[:10][scene.sky[:10] > 0.99].mean() < -3.0


@pytest.mark.parametrize("scene", SCENES)
def test_every_scene_has_sound_temperatures_and_fractions_that_do_not_exceed_one(scene):
    for seed in range(4):
        canvas = _scene(seed, scene, 60.0)
        assert canvas.shape == SHAPE
        assert np.abs(canvas.temperature_k).max() < 40.0
        assert canvas.temperature_k.std() > 0.2
        for fraction in (canvas.sky, canvas.backdrop, canvas.vegetation, canvas.water):
            assert -1e-5 <= fraction.min() <= fraction.max() <= 1.0 + 1e-5
        assert (canvas.sky + canvas.vegetation + canvas.water).max() <= 1.0 + 1e-4


@pytest.mark.parametrize(
    ("scene", "sky", "vegetation", "water"),
    [
        ("grass", True, True, False),
        ("trees", True, True, False),
        ("buildings", True, True, False),
        ("water", True, None, True),
        ("indoor", False, False, False),
        ("plant", True, False, False),
    ],
)
def test_scenes_show_what_their_names_say(scene, sky, vegetation, water):
    canvases = [_scene(seed, scene, 60.0) for seed in range(4)]
    for name, expected in (("sky", sky), ("vegetation", vegetation), ("water", water)):
        shown = np.mean([getattr(canvas, name) for canvas in canvases])
        if expected is not None:
            assert (shown > 0.1) if expected else (shown == 0.0), name


def test_paint_covers_what_is_behind_it_and_equipment_hides_all():
    canvas = Canvas(np.zeros((4, 4), np.float32))
    canvas.cover(np.full((4, 4), 0.5, np.float32), 10.0, vegetation=1.0)
    np.testing.assert_allclose(canvas.temperature_k, 5.0)
    np.testing.assert_allclose([canvas.sky, canvas.vegetation], 0.5)
    canvas.hide(np.full((4, 4), 0.5, np.float32))
    np.testing.assert_allclose(
        [canvas.sky, canvas.vegetation, canvas.water], [[[0.25] * 4] * 4] * 2 + [[[0.0] * 4] * 4]
    )
    np.testing.assert_allclose(canvas.backdrop, 0.5)


def test_a_small_picture_averages_the_fine_one():
    canvas = Canvas(np.zeros((4, 4), np.float32))
    left = np.array([[1.0, 0.5, 0.0, 0.0]] * 4, np.float32)
    canvas.cover(left, 8.0, water=1.0)
    small = canvas.averaged((2, 2))
    np.testing.assert_allclose(small.temperature_k, [[6.0, 0.0]] * 2)
    np.testing.assert_allclose(small.water, [[0.75, 0.0]] * 2)
    np.testing.assert_allclose(small.sky, [[0.25, 1.0]] * 2)
