import numpy as np
import pytest

from fgstp.plumes.fields import OrnsteinUhlenbeck, moved, power_law_field


def test_ornstein_uhlenbeck_keeps_its_deviation_and_forgets_within_its_time():
    step_s, time_s = 0.1, 0.5
    process = OrnsteinUhlenbeck(
        np.random.default_rng(1), np.full(400, 3.0), np.full(400, 2.0), time_s=time_s, step_s=step_s
    )
    values = np.array([process.step() for _ in range(200)])
    assert values.mean() == pytest.approx(3.0, abs=0.1)
    assert values.std() == pytest.approx(2.0, rel=0.05)
    lag = round(time_s / step_s)
    correlation = np.mean((values[:-lag] - 3.0) * (values[lag:] - 3.0)) / 4.0
    assert correlation == pytest.approx(np.exp(-1.0), abs=0.05)


def test_power_law_field_has_the_slope_it_was_asked_for():
    field = power_law_field(np.random.default_rng(2), (256, 256), slope=3.0, largest_px=1e4)
    power = np.abs(np.fft.fft2(field)) ** 2
    frequency = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.fftfreq(256)[None, :])
    band = (frequency > 0.02) & (frequency < 0.4)
    slope = np.polyfit(np.log(frequency[band]), np.log(power[band]), 1)[0]
    assert slope == pytest.approx(-3.0, abs=0.1)
    assert field.std() == pytest.approx(1.0, rel=1e-3)


@pytest.mark.parametrize(("angle", "along_rows"), [(0.0, True), (np.pi / 2, False)])
def test_stretched_field_is_longer_in_its_direction(angle, along_rows):
    field = power_law_field(
        np.random.default_rng(3), (128, 128), slope=3.0, largest_px=16.0, stretch=4.0, angle=angle
    )
    along, down = np.abs(np.diff(field, axis=1)).mean(), np.abs(np.diff(field, axis=0)).mean()
    assert (along < 0.5 * down) if along_rows else (down < 0.5 * along)


def test_images_move_by_fractions_of_a_pixel_and_wrap():
    ramp = np.tile(np.arange(80, dtype=np.float32), (64, 1))
    assert moved(ramp, np.array([0.5, 0.0]), periodic=False)[5, 40] == pytest.approx(39.5, abs=0.05)
    wrapped = moved(ramp, np.array([2.0, 0.0]), periodic=True)
    np.testing.assert_allclose(wrapped, np.roll(ramp, 2, axis=1), atol=1e-3)
