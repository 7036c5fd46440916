"""The leak: how the wind carries its gas, and how an infrared camera sees it."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from fgstp.plumes.conditions import LeakConditions
from fgstp.plumes.fields import FloatImage, OrnsteinUhlenbeck, blurred, log_uniform, remapped
from fgstp.plumes.view import View

SLABS = 4  # along the line of sight, each with eddies of its own

_G_PER_M2_PER_PPM_M = 6.67e-4  # methane at 1 atm and 293 K
_ABSORPTION_PER_PPM_M = 1.1e-4  # mean of methane's nu3 band over the filter, 3.2-3.4 um
_SATURATION_PPM_M = 5000.0  # above this the strong lines of the band are opaque
# Unresolved eddies mix with a diffusivity of size^(4/3) (Richardson): K = 0.4 pixel^(4/3).
_MIXING = 0.4  # m^(2/3)/s


def column_density_ppm_m(column_g_per_m2: FloatImage) -> FloatImage:
    """Convert methane in the line of sight from g/m² to ppm m; float32 (H, W)."""
    return column_g_per_m2 * np.float32(1.0 / _G_PER_M2_PER_PPM_M)


def absorbed_fraction(column_ppm_m: FloatImage) -> FloatImage:
    """Fraction of the camera's band that methane absorbs, by Beer-Lambert with line saturation.

    1 - exp(-k CL / sqrt(1 + CL/CL_s)) of CL >= 0, float32 (H, W) in ppm m: linear in CL for thin
    gas; the exponent grows with the square root of CL where the strong lines are saturated.
    """
    saturation = np.sqrt(1.0 + column_ppm_m / np.float32(_SATURATION_PPM_M))
    optical_depth = np.float32(_ABSORPTION_PER_PPM_M) * column_ppm_m / saturation
    return np.asarray(-np.expm1(-optical_depth), np.float32)


def seen_through(background_k: FloatImage, absorbed: FloatImage, gas_k: float) -> FloatImage:
    """Temperature that the camera measures through a layer that absorbs and emits.

    T = (1 - a) T_b + a T_g, the linear form of (B(T_b) - B(T_g)) (1 - tau) (Zeng and
    Morris 2018): gas warmer than its background looks bright, colder gas dark.

    Args:
        background_k: float32 (H, W), temperature behind the layer.
        absorbed: float32 (H, W), 0-1, fraction that the layer absorbs.
        gas_k: temperature of the layer, on the scale of `background_k`.
    """
    return background_k + absorbed * (np.float32(gas_k) - background_k)


def pixel_grid(shape: tuple[int, int]) -> FloatImage:
    """The x and y position of each pixel: float32 (H, W, 2)."""
    rows, columns = shape
    x, y = np.meshgrid(np.arange(columns), np.arange(rows))
    return np.stack([x, y], axis=-1).astype(np.float32)


def advect(column: FloatImage, departure_px: FloatImage) -> FloatImage:
    """Advect a field (H, W), >= 0, by one semi-Lagrangian step (Stam, Stable Fluids, 1999).

    `departure_px` (H, W, 2) holds the departure point of the air at each pixel. Undershoots of
    the cubic interpolation are clipped at 0.
    """
    carried = remapped(column, departure_px, cv2.INTER_CUBIC, cv2.BORDER_CONSTANT)
    return np.maximum(carried, 0.0, dtype=np.float32)


class Plume:
    """Gas from one source in several slabs along the line of sight, each with its own eddies.

    dN/dt + (U + u').grad N = K lap N - N/T + q s. Since the eddies of the slabs differ, their
    sum shows billows where a single slab shows threads. The release fluctuates: its rate is
    Q exp(OU - sigma^2/2), and its position varies within the mouth.

    Args:
        rng: random generator.
        view: size of the picture and of its pixels, and the centre of the mouth.
        mouth_m: radius of the mouth.
        sub_step_s: time between two steps.
        lifetime_s: decay time T of evaporating steam; infinite for gas.
        n_slabs: number of slabs, at most `SLABS`.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        view: View,
        *,
        mouth_m: float,
        sub_step_s: float,
        lifetime_s: float = math.inf,
        n_slabs: int = SLABS,
    ) -> None:
        self._source = np.array(view.source_xy_px)
        self._pixel_m, self._step_s = view.pixel_m, sub_step_s
        # A puff of less than half a pixel would fall between pixels.
        self._mouth_px = max(mouth_m / view.pixel_m, 0.7)
        diffusivity_m2_per_s = _MIXING * view.pixel_m ** (4.0 / 3.0)
        self._spread_px = math.sqrt(2.0 * diffusivity_m2_per_s * sub_step_s) / view.pixel_m
        self._survival = math.exp(-sub_step_s / lifetime_s)
        self._slabs = [np.zeros(view.shape, np.float32) for _ in range(n_slabs)]
        self._puffs = [_Puffs(rng, sub_step_s) for _ in range(n_slabs)]

    @property
    def column_g_per_m2(self) -> FloatImage:
        """Mass in the line of sight: float32 (H, W), g/m^2."""
        return np.asarray(np.sum(self._slabs, axis=0), np.float32)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in the picture."""
        return not any(slab.any() for slab in self._slabs)

    def step(self, departures_px: list[FloatImage], rate_g_per_s: float) -> None:
        """Advect the gas by one sub-step and release more.

        Args:
            departures_px: for each slab of air, or more, its departure points, float32 (H, W, 2).
            rate_g_per_s: mean release rate, >= 0.
        """
        for i, puffs in enumerate(self._puffs):
            slab, departure_px = self._slabs[i], departures_px[i]
            if slab.any():
                slab = advect(slab, departure_px)
                slab = blurred(slab, self._spread_px) * np.float32(self._survival)
            if rate_g_per_s > 0.0:
                self._release(slab, puffs, departure_px, rate_g_per_s / len(self._slabs))
            # Invisible traces would otherwise never leave the picture.
            slab[slab < 1e-4] = 0.0
            self._slabs[i] = slab

    def _release(
        self, slab: FloatImage, puffs: "_Puffs", departure_px: FloatImage, rate_g_per_s: float
    ) -> None:
        """Spread the gas of one sub-step along the displacement of the air."""
        column, row = np.rint(self._source).astype(int)
        displacement_px = np.array([column, row]) - departure_px[row, column]
        before, after = puffs.step()
        count = 1 + math.ceil(math.hypot(*displacement_px) / (0.4 * self._mouth_px))
        age = (np.arange(count) + 0.5)[:, None] / count
        state = after + age * (before - after)
        centre = self._source + age * displacement_px + 0.6 * self._mouth_px * state[:, 1:]
        weight = np.exp(0.7 * state[:, :1] - 0.5 * 0.7**2)
        sigma_px = 0.6 * self._mouth_px
        # Pixels farther from the streak receive nothing.
        low = np.maximum(np.floor(centre.min(axis=0) - 4.0 * sigma_px), 0.0).astype(int)
        high = np.ceil(centre.max(axis=0) + 4.0 * sigma_px).astype(int) + 1
        box = slab[low[1] : max(high[1], 0), low[0] : max(high[0], 0)]
        x, y = low[0] + np.arange(box.shape[1]), low[1] + np.arange(box.shape[0])
        across = _gaussian(x - centre[:, :1], sigma_px)
        down = _gaussian(y - centre[:, 1:], sigma_px) * weight
        mass_per_puff = rate_g_per_s * self._step_s / count
        box += (down.T @ across).astype(np.float32) * (mass_per_puff / self._pixel_m**2)


class _Puffs:
    """Log rate and position of the release, which change within a fraction of a second."""

    def __init__(self, rng: np.random.Generator, step_s: float) -> None:
        self._process = OrnsteinUhlenbeck(
            rng, np.zeros(3), np.ones(3), time_s=rng.uniform(0.1, 0.3), step_s=step_s
        )
        self._state = self._process.step()

    def step(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Advance by one sub-step; returns the states at its beginning and its end."""
        before, self._state = self._state, self._process.step()
        return before, self._state


def _gaussian(distance: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    return np.exp(-0.5 * (distance / sigma) ** 2) / (math.sqrt(2.0 * math.pi) * sigma)


class Leak:
    """Methane from one source, at about the temperature of the air.

    Attributes:
        temperature_k: temperature of the gas, relative to the air.
        plume: the gas in the air.
    """

    def __init__(
        self, rng: np.random.Generator, view: View, conditions: LeakConditions, sub_step_s: float
    ) -> None:
        self.temperature_k = rng.uniform(*conditions.gas_k)
        self._rate_factor = log_uniform(rng, conditions.rate_factor)
        self.plume = Plume(rng, view, mouth_m=rng.uniform(0.03, 0.045), sub_step_s=sub_step_s)

    def step(self, departures_px: list[FloatImage], rate_g_per_h: float) -> None:
        """Advect the gas by one sub-step and release more, see `Plume.step`."""
        self.plume.step(departures_px, self._rate_factor * rate_g_per_h / 3600.0)

    def column_ppm_m(self) -> FloatImage:
        """Gas in each line of sight: float32 (H, W), ppm m."""
        return column_density_ppm_m(self.plume.column_g_per_m2)

    def absorbed(self) -> FloatImage:
        """Fraction of the camera's band that the gas absorbs: float32 (H, W), 0-1."""
        return absorbed_fraction(self.column_ppm_m())

    def in_front_of(self, background_k: FloatImage) -> FloatImage:
        """Apparent temperatures, float32 (H, W), of a background seen through the gas."""
        return seen_through(background_k, self.absorbed(), self.temperature_k)
