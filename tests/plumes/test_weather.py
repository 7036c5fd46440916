import numpy as np
import pytest

from fgstp.plumes.canvas import Canvas
from fgstp.plumes.conditions import Surroundings
from fgstp.plumes.weather import Clouds, Glints, Rain, Warp, Waves

SHAPE = (96, 128)
STEP_S = 1.0 / 15.0
STORMY = Surroundings(
    cloud_contrast_k=(2.0, 2.0),
    cloud_cover=(0.4, 0.4),
    cloud_drift_px_per_s=(5.0, 5.0),
    sway_fraction=1.0,
    shimmer_fraction=1.0,
    rain_fraction=1.0,
    glint_fraction=1.0,
)
QUIET = Surroundings()


def _rng(seed=1):
    return np.random.default_rng(seed)


def _meadow():
    """Textured grass below, sky above, and a stack in the middle."""
    canvas = Canvas(_rng().standard_normal(SHAPE, dtype=np.float32))
    grass = np.zeros(SHAPE, np.float32)
    grass[48:] = 1.0
    canvas.cover(grass, canvas.temperature_k.copy(), vegetation=1.0)
    stack = np.zeros(SHAPE, np.float32)
    stack[:, 60:68] = 1.0
    canvas.hide(stack)
    return canvas


def test_clouds_are_warmer_than_sky_drift_and_leave_gaps():
    clouds = Clouds(_rng(), SHAPE, STORMY, STEP_S)
    first = clouds.step()
    for _ in range(60):
        last = clouds.step()
    assert first.min() >= 0.0
    assert 0.5 < first.max() < 5.0
    assert np.mean(first < 0.05) > 0.4
    assert np.abs(last - first).max() > 0.3


def test_clouds_drift_at_the_speed_asked_for_at_any_frame_rate():
    for step_s in (0.1, 1.0):
        # 4 pixels a second at a width of 320 are 1.6 at 128; patches move at that speed,
        # and the texture a quarter faster.
        drift = {"cloud_drift_px_per_s": (4.0, 4.0)}
        clouds = Clouds(_rng(3), SHAPE, STORMY.model_copy(update=drift), step_s)
        first = clouds.step()
        for _ in range(round(2.0 / step_s)):
            last = clouds.step()
        rolls = [
            (float(np.abs(np.roll(first, (dy, dx), (0, 1)) - last).mean()), float(np.hypot(dx, dy)))
            for dy in range(-4, 5)
            for dx in range(-8, 9)
        ]
        assert min(rolls)[1] == pytest.approx(2.0 * 1.6, abs=1.2)


def test_waves_move_on_water_only():
    water = np.zeros(SHAPE, np.float32)
    water[50:] = 1.0
    waves = Waves(_rng(), water, STEP_S)
    first, *_, last = (waves.step() for _ in range(15))
    assert not first[:50].any()
    assert first[50:].std() > 0.05
    assert np.abs(last - first)[50:].mean() > 0.3 * first[50:].std()
    assert not np.any(Waves(_rng(), np.zeros(SHAPE, np.float32), STEP_S).step())


def test_glints_flicker_on_metal():
    glints = Glints(_rng(), _meadow(), STORMY, STEP_S)
    pictures = np.array([glints.step() for _ in range(100)])
    assert pictures.min() >= 0.0
    assert pictures.max() > 0.5
    assert pictures[..., 60:68].sum() > 0.7 * pictures.sum()  # the lens blurs some beyond it
    assert np.ptp(pictures.max(axis=(1, 2))) > 0.3
    assert not np.any(Glints(_rng(), _meadow(), QUIET, STEP_S).step())


def test_rain_is_everywhere_and_never_the_same():
    rain = Rain(_rng(), SHAPE, STORMY, STEP_S)
    pictures = np.array([rain.step() for _ in range(200)])
    assert (pictures != 0.0).any(axis=0).mean() > 0.5
    assert 0.0 < (pictures[0] != 0.0).mean() < 0.5
    assert np.abs(np.corrcoef(pictures[0].ravel(), pictures[1].ravel())[0, 1]) < 0.2
    assert not np.any(Rain(_rng(), SHAPE, QUIET, STEP_S).step())


def test_only_vegetation_sways():
    meadow = _meadow()
    only_sway = STORMY.model_copy(update={"shimmer_fraction": 0.0})
    warp = Warp(_rng(2), meadow, only_sway, STEP_S)
    change = np.array(
        [np.abs(warp.step(meadow.temperature_k) - meadow.temperature_k) for _ in range(60)]
    )
    assert change[:, 48:, :55].mean() > 0.05
    assert change[:, :47].max() < 1e-5
    assert change[:, :, 61:67].max() < 1e-5


def test_shimmer_distorts_by_less_than_a_pixel():
    ramp = np.tile(np.arange(SHAPE[1], dtype=np.float32), (SHAPE[0], 1))
    only_shimmer = STORMY.model_copy(update={"sway_fraction": 0.0})
    warp = Warp(_rng(2), Canvas(ramp), only_shimmer, STEP_S)
    shifts = np.array([warp.step(ramp) - ramp for _ in range(20)])[:, 8:-8, 8:-8]
    assert 0.02 < np.abs(shifts).mean() < 0.5
    assert np.abs(shifts).max() < 2.0
    assert np.abs(np.diff(shifts, axis=0)).mean() > 0.005


def test_without_wind_and_heat_the_picture_stays_the_same():
    meadow = _meadow()
    assert Warp(_rng(), meadow, QUIET, STEP_S).step(meadow.temperature_k) is meadow.temperature_k
