"""Gas carried by the wind: the mass in each line of sight, in grams a square metre."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from fgstp.plumes.images import FloatImage, blurred
from fgstp.plumes.randomness import OrnsteinUhlenbeck

# Eddies that the grid cannot hold mix like size^(4/3) (Richardson): K = 0.4 pixel^(4/3).
_MIXING = 0.4  # m^(2/3)/s


def pixel_grid(shape: tuple[int, int]) -> FloatImage:
    """Give the x and y position of each pixel: float32 (H, W, 2)."""
    rows, columns = shape
    x, y = np.meshgrid(np.arange(columns), np.arange(rows))
    return np.stack([x, y], axis=-1).astype(np.float32)


def advect(column: FloatImage, departure_px: FloatImage) -> FloatImage:
    """Carry a field along by one semi-Lagrangian step (Stam, Stable Fluids, 1999).

    Args:
        column: float32 (H, W), what is carried, >= 0.
        departure_px: float32 (H, W, 2), where the air at each pixel came from.

    Returns:
        float32 (H, W); cubic interpolation's undershoots are cut at 0.
    """
    no_map = np.empty(0, np.float32)  # `departure_px` holds x and y together
    carried = cv2.remap(
        column, departure_px, no_map, cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT
    )
    return np.maximum(carried, 0.0, dtype=np.float32)


class Plume:
    """Gas from one source, in slabs one behind the other, each with eddies of its own.

    dN/dt + (U + u').grad N = K lap N - N/T + q s. Slabs at different depths meet
    different eddies; their sum shows billows where a single slab shows threads. The
    release puffs: its rate is Q exp(OU - sigma^2/2) and its place wanders in the mouth.

    Args:
        rng: source of chance.
        shape: rows and columns of the picture.
        source_xy_px: middle of the mouth.
        pixel_m: width of a pixel at the source.
        mouth_m: radius of the mouth.
        slabs: number of slabs.
        step_s: length of a sub-step.
        lifetime_s: T, after which steam has evaporated; infinite for gas.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        shape: tuple[int, int],
        *,
        source_xy_px: tuple[float, float],
        pixel_m: float,
        mouth_m: float,
        slabs: int,
        step_s: float,
        lifetime_s: float = math.inf,
    ) -> None:
        self._source = np.array(source_xy_px)
        self._pixel_m, self._step_s = pixel_m, step_s
        # Below half a pixel a puff would fall between the pixels.
        self._mouth_px = max(mouth_m / pixel_m, 0.7)
        diffusivity_m2_per_s = _MIXING * pixel_m ** (4.0 / 3.0)
        self._spread_px = math.sqrt(2.0 * diffusivity_m2_per_s * step_s) / pixel_m
        self._survival = math.exp(-step_s / lifetime_s)
        self._slabs = [np.zeros(shape, np.float32) for _ in range(slabs)]
        self._puffs = [_Puffs(rng, step_s) for _ in range(slabs)]

    @property
    def column_g_per_m2(self) -> FloatImage:
        """Mass in the line of sight: float32 (H, W), g/m^2."""
        return np.asarray(np.sum(self._slabs, axis=0), np.float32)

    def step(self, departures_px: list[FloatImage], rate_g_per_s: float) -> None:
        """Carry the gas on by one sub-step and release more.

        Args:
            departures_px: for each slab where its air came from, float32 (H, W, 2).
            rate_g_per_s: mean release, >= 0.
        """
        for i, departure_px in enumerate(departures_px):
            slab = self._slabs[i]
            if slab.any():
                slab = advect(slab, departure_px)
                slab = blurred(slab, self._spread_px) * np.float32(self._survival)
            if rate_g_per_s > 0.0:
                self._release(slab, self._puffs[i], departure_px, rate_g_per_s / len(self._slabs))
            # Traces that nobody can see would otherwise linger for ever.
            slab[slab < 1e-4] = 0.0
            self._slabs[i] = slab

    def _release(
        self, slab: FloatImage, puffs: "_Puffs", departure_px: FloatImage, rate_g_per_s: float
    ) -> None:
        """Smear one sub-step's gas along the way that the air went meanwhile."""
        column, row = np.rint(self._source).astype(int)
        way_px = np.array([column, row]) - departure_px[row, column]
        before, after = puffs.step()
        count = 1 + math.ceil(math.hypot(*way_px) / (0.4 * self._mouth_px))
        age = (np.arange(count) + 0.5)[:, None] / count
        state = after + age * (before - after)
        centre = self._source + age * way_px + 0.6 * self._mouth_px * state[:, 1:]
        weight = np.exp(0.7 * state[:, :1] - 0.5 * 0.7**2)
        sigma_px = 0.6 * self._mouth_px
        # Only the pixels around the streak: what is farther away gets nothing.
        low = np.maximum(np.floor(centre.min(axis=0) - 4.0 * sigma_px), 0.0).astype(int)
        high = np.ceil(centre.max(axis=0) + 4.0 * sigma_px).astype(int) + 1
        box = slab[low[1] : max(high[1], 0), low[0] : max(high[0], 0)]
        x, y = low[0] + np.arange(box.shape[1]), low[1] + np.arange(box.shape[0])
        across = _gaussian(x - centre[:, :1], sigma_px)
        down = _gaussian(y - centre[:, 1:], sigma_px) * weight
        mass_per_puff = rate_g_per_s * self._step_s / count
        box += (down.T @ across).astype(np.float32) * (mass_per_puff / self._pixel_m**2)


class _Puffs:
    """Strength (log) and place of the release, which change within a fraction of a second."""

    def __init__(self, rng: np.random.Generator, step_s: float) -> None:
        self._process = OrnsteinUhlenbeck(
            rng, np.zeros(3), np.ones(3), time_s=rng.uniform(0.1, 0.3), step_s=step_s
        )
        self._state = self._process.step()

    def step(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Go one sub-step on and give the states at its beginning and its end."""
        before, self._state = self._state, self._process.step()
        return before, self._state


def _gaussian(distance: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    return np.exp(-0.5 * (distance / sigma) ** 2) / (math.sqrt(2.0 * math.pi) * sigma)
