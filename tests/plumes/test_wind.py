import numpy as np
import pytest

from fgstp.plumes.wind import MeanWind, Turbulence

SPACING_M = 0.02
STILL = np.zeros(2)


def _turbulence(seed=1, shape=(96, 128), turnover_s=0.5, largest_m=0.4):
    return Turbulence(
        np.random.default_rng(seed),
        shape,
        spacing_m=SPACING_M,
        step_s=0.05,
        rms_m_per_s=0.6,
        largest_m=largest_m,
        turnover_s=turnover_s,
    )


def test_turbulence_is_free_of_divergence():
    turbulence = _turbulence()
    velocity = turbulence.velocity_m_per_s().astype(np.float64)
    ky = 2j * np.pi * np.fft.fftfreq(96)[:, None]
    kx = 2j * np.pi * np.fft.fftfreq(128)[None, :]
    du_dx = np.fft.ifft2(kx * np.fft.fft2(velocity[..., 0])).real
    dv_dy = np.fft.ifft2(ky * np.fft.fft2(velocity[..., 1])).real

    assert np.abs(du_dx + dv_dy).mean() < 0.01 * np.abs(du_dx).mean()


def test_velocity_is_the_curl_of_the_stream_function():
    turbulence = _turbulence(largest_m=0.8)
    psi = turbulence.stream_function()
    velocity = turbulence.velocity_m_per_s()
    dpsi_dy = (np.roll(psi, -1, 0) - np.roll(psi, 1, 0)) / (2 * SPACING_M)
    dpsi_dx = (np.roll(psi, -1, 1) - np.roll(psi, 1, 1)) / (2 * SPACING_M)

    # Central differences dampen the smallest eddies, hence correlation.
    assert np.corrcoef(dpsi_dy.ravel(), velocity[..., 0].ravel())[0, 1] > 0.97
    assert np.corrcoef(-dpsi_dx.ravel(), velocity[..., 1].ravel())[0, 1] > 0.97


def test_stream_function_has_kolmogorovs_slope_below_the_largest_eddies():
    psi = _turbulence(shape=(256, 256)).stream_function()

    power = np.abs(np.fft.fft2(psi)) ** 2
    per_m = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.fftfreq(256)[None, :]) / SPACING_M
    # From four times 1/L, where the roll-off has ended, to below the grid's limit.
    band = (per_m > 4.0 / 0.4) & (per_m < 20.0)
    slope = np.polyfit(np.log(per_m[band]), np.log(power[band]), 1)[0]
    assert slope == pytest.approx(-14.0 / 3.0, abs=0.25)


def test_turbulence_has_the_asked_strength():
    rms = np.mean(
        [np.sqrt(np.mean(_turbulence(seed).velocity_m_per_s() ** 2)) for seed in range(8)]
    )
    assert rms == pytest.approx(0.6, rel=0.15)


def test_eddies_drift_with_most_of_the_wind():
    turbulence = _turbulence(turnover_s=1e6)
    before = turbulence.stream_function()
    # 0.7 of 4 m/s for 0.05 s are 0.14 m, which are 7 grid points.
    turbulence.step(np.array([4.0, 0.0]))

    drifted = np.roll(before, 7, axis=1)
    after = turbulence.stream_function()
    assert np.corrcoef(drifted.ravel(), after.ravel())[0, 1] > 0.99
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] < 0.9


def test_eddies_are_forgotten_small_ones_first():
    turbulence = _turbulence()
    before = turbulence.velocity_m_per_s(), turbulence.stream_function()
    for _ in range(4):
        turbulence.step(STILL)
    after = turbulence.velocity_m_per_s(), turbulence.stream_function()

    fine, coarse = (
        np.corrcoef(b.ravel(), a.ravel())[0, 1] for b, a in zip(before, after, strict=True)
    )
    assert 0.2 < fine < coarse < 0.95


def test_wind_rises_on_average_and_meanders():
    rises, swings = [], []
    for seed in range(20):
        wind = MeanWind(np.random.default_rng(seed), 1.0 / 15.0)
        track = np.array([wind.step() for _ in range(600)])
        rises.append(-track[:, 1].mean())
        swings.append(track[:, 0].std() / wind.speed_m_per_s)

    assert np.mean(rises) > 0.2
    assert 0.3 < np.mean(swings) < 0.9
