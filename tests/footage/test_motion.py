import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from fgstp.footage.motion import Displacement, fastest_drift_px_per_s


def _texture(seed=1, shape=(144, 192), sigma=3.0):
    noise = np.random.default_rng(seed).standard_normal(shape)
    smooth = gaussian_filter(noise, sigma, mode="wrap")
    return 120.0 + 30.0 * smooth / smooth.std()


def _drifting(px_per_s, seconds=20.0, fps_hz=3.0):
    times_s = np.arange(round(seconds * fps_hz)) / fps_hz
    still = _texture()
    frames = [shift(still, (0.0, px_per_s * time_s), mode="grid-wrap") for time_s in times_s]
    return np.rint(frames).clip(0, 255).astype(np.uint8), times_s


@pytest.mark.parametrize("px_per_s", [0.1, 1.0, 8.0])
def test_slow_and_fast_drifts_are_found(px_per_s):
    assert fastest_drift_px_per_s(*_drifting(px_per_s)) == pytest.approx(px_per_s, rel=0.2)


def test_what_stands_still_has_no_drift_and_what_has_no_texture_none_that_is_known():
    frames, times_s = _drifting(0.0)
    assert fastest_drift_px_per_s(frames, times_s) == pytest.approx(0.0, abs=0.01)
    plain = np.random.default_rng(1).integers(99, 102, frames.shape).astype(np.uint8)
    assert np.isnan(fastest_drift_px_per_s(plain, times_s))


def test_a_cloud_beside_equipment_is_what_drifts():
    frames, times_s = _drifting(1.0)
    frames[:, 72:] = _texture(2)[72:].astype(np.uint8)
    assert fastest_drift_px_per_s(frames, times_s) == pytest.approx(1.0, rel=0.2)


@pytest.mark.parametrize("moved_px", [(0.0, 0.0), (0.05, -0.02), (0.4, 0.3)])
def test_displacement_is_exact_to_a_hundredth_of_a_pixel_whatever_the_brightness(moved_px):
    still = _texture()
    picture = shift(still, moved_px[::-1], mode="grid-wrap") + 7.0
    found = Displacement().of(picture.astype(np.float32), still.astype(np.float32), 0.0)
    assert found == pytest.approx(moved_px, abs=0.02)


def test_a_bird_is_no_displacement():
    still = _texture().astype(np.float32)
    picture = still.copy()
    picture[40:60, 40:60] = 255.0
    assert Displacement().of(picture, still, 0.0) == pytest.approx((0.0, 0.0), abs=0.01)
