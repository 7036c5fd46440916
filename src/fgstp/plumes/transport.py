"""Gas transport by wind: the mass in each line of sight, in grams per square metre."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from fgstp.plumes.fields import FloatImage, OrnsteinUhlenbeck, blurred
from fgstp.plumes.view import View

SLABS = 4
# Unresolved eddies mix with a diffusivity of size^(4/3) (Richardson): K = 0.4 pixel^(4/3).
_MIXING = 0.4  # m^(2/3)/s


def pixel_grid(shape: tuple[int, int]) -> FloatImage:
    """The x and y position of each pixel: float32 (H, W, 2)."""
    rows, columns = shape
    x, y = np.meshgrid(np.arange(columns), np.arange(rows))
    return np.stack([x, y], axis=-1).astype(np.float32)


def advect(column: FloatImage, departure_px: FloatImage) -> FloatImage:
    """Advect a field by one semi-Lagrangian step (Stam, Stable Fluids, 1999).

    Args:
        column: float32 (H, W), the advected field, >= 0.
        departure_px: float32 (H, W, 2), departure point of the air at each pixel.

    Returns:
        float32 (H, W); undershoots of the cubic interpolation are clipped at 0.
    """
    no_map = np.empty(0, np.float32)  # `departure_px` holds x and y together
    carried = cv2.remap(
        column, departure_px, no_map, cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT
    )
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
    """

    def __init__(
        self,
        rng: np.random.Generator,
        view: View,
        *,
        mouth_m: float,
        sub_step_s: float,
        lifetime_s: float = math.inf,
    ) -> None:
        self._source = np.array(view.source_xy_px)
        self._pixel_m, self._step_s = view.pixel_m, sub_step_s
        # A puff of less than half a pixel would fall between pixels.
        self._mouth_px = max(mouth_m / view.pixel_m, 0.7)
        diffusivity_m2_per_s = _MIXING * view.pixel_m ** (4.0 / 3.0)
        self._spread_px = math.sqrt(2.0 * diffusivity_m2_per_s * sub_step_s) / view.pixel_m
        self._survival = math.exp(-sub_step_s / lifetime_s)
        self._slabs = [np.zeros(view.shape, np.float32) for _ in range(SLABS)]
        self._puffs = [_Puffs(rng, sub_step_s) for _ in range(SLABS)]

    @property
    def column_g_per_m2(self) -> FloatImage:
        """Mass in the line of sight: float32 (H, W), g/m^2."""
        return np.asarray(np.sum(self._slabs, axis=0), np.float32)

    def step(self, departures_px: list[FloatImage], rate_g_per_s: float) -> None:
        """Advect the gas by one sub-step and release more.

        Args:
            departures_px: for each slab the departure points of its air, float32 (H, W, 2).
            rate_g_per_s: mean release rate, >= 0.
        """
        for i, departure_px in enumerate(departures_px):
            slab = self._slabs[i]
            if slab.any():
                slab = advect(slab, departure_px)
                slab = blurred(slab, self._spread_px) * np.float32(self._survival)
            if rate_g_per_s > 0.0:
                self._release(slab, self._puffs[i], departure_px, rate_g_per_s / len(self._slabs))
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
