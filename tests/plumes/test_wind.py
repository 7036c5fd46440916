import cv2
import numpy as np
import pytest

from fgstp.plumes.conditions import AirConditions
from fgstp.plumes.wind import MeanWind, Turbulence

SPACING_M = 0.02


def _turbulence(seed=1, shape=(96, 128), turnover_s=0.5):
    facts = {"spacing_m": SPACING_M, "step_s": 0.05, "rms_m_per_s": 0.6, "largest_m": 0.4}
    return Turbulence(np.random.default_rng(seed), shape, turnover_s=turnover_s, **facts)


def _likeness(one, other):
    return np.corrcoef(one.ravel(), other.ravel())[0, 1]


def test_turbulence_is_free_of_divergence():
    turbulence = _turbulence()
    velocity = turbulence.velocity_m_per_s().astype(np.float64)
    ky = 2j * np.pi * np.fft.fftfreq(96)[:, None]
    kx = 2j * np.pi * np.fft.fftfreq(128)[None, :]
    du_dx = np.fft.ifft2(kx * np.fft.fft2(velocity[..., 0])).real
    dv_dy = np.fft.ifft2(ky * np.fft.fft2(velocity[..., 1])).real
    assert np.abs(du_dx + dv_dy).mean() < 0.01 * np.abs(du_dx).mean()


def test_velocity_has_kolmogorovs_slope_below_the_largest_eddies():
    velocity = _turbulence(shape=(256, 256)).velocity_m_per_s()
    power = (np.abs(np.fft.fft2(velocity, axes=(0, 1))) ** 2).sum(axis=-1)
    per_m = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.fftfreq(256)[None, :]) / SPACING_M
    # From four times 1/L, where the roll-off has ended, to below the grid's limit.
    band = (per_m > 4.0 / 0.4) & (per_m < 20.0)
    slope = np.polyfit(np.log(per_m[band]), np.log(power[band]), 1)[0]
    # k^(-14/3) of the stream function, times k^2.
    assert slope == pytest.approx(-8.0 / 3.0, abs=0.25)


def test_turbulence_has_the_asked_strength():
    squares = [_turbulence(seed).velocity_m_per_s() ** 2 for seed in range(8)]
    assert np.sqrt(np.mean(squares)) == pytest.approx(0.6, rel=0.15)


def test_eddies_drift_with_most_of_the_wind():
    turbulence = _turbulence(turnover_s=1e6)
    before = turbulence.velocity_m_per_s()
    # 0.7 of 4 m/s for 0.05 s are 0.14 m, which are 7 grid points.
    turbulence.step(np.array([4.0, 0.0]))
    after = turbulence.velocity_m_per_s()
    assert _likeness(np.roll(before, 7, axis=1), after) > 0.99
    assert _likeness(before, after) < 0.9


def test_small_eddies_decorrelate_first():
    turbulence = _turbulence()
    before = turbulence.velocity_m_per_s()
    for _ in range(4):
        turbulence.step(np.zeros(2))
    after = turbulence.velocity_m_per_s()
    fine = _likeness(before, after)
    coarse = _likeness(cv2.GaussianBlur(before, (0, 0), 5), cv2.GaussianBlur(after, (0, 0), 5))
    assert 0.2 < fine < coarse < 0.95


def test_wind_rises_on_average_and_meanders():
    rises, swings = [], []
    for seed in range(20):
        wind = MeanWind(np.random.default_rng(seed), AirConditions(), 1.0 / 15.0)
        track = np.array([wind.step() for _ in range(600)])
        rises.append(-track[:, 1].mean())
        swings.append(track[:, 0].std() / wind.speed_m_per_s)
    assert np.mean(rises) > 0.2
    assert 0.3 < np.mean(swings) < 0.9
