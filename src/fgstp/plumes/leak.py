"""The leak: methane from the release stack, and how it changes what the camera reads."""

import numpy as np

from fgstp.plumes.air import SLABS
from fgstp.plumes.images import FloatImage
from fgstp.plumes.radiometry import absorbed_fraction, column_density_ppm_m, seen_through
from fgstp.plumes.transport import Plume
from fgstp.plumes.view import View


class Leak:
    """Gas at about the temperature of the air.

    Args:
        rng: source of chance.
        view: where the source is.
        sub_step_s: time between two steps.
    """

    def __init__(self, rng: np.random.Generator, view: View, sub_step_s: float) -> None:
        self._temperature_k = rng.uniform(-0.5, 1.0)
        self._plume = Plume(
            rng,
            view.shape,
            source_xy_px=view.source_xy_px,
            pixel_m=view.pixel_m,
            mouth_m=rng.uniform(0.03, 0.045),
            slabs=SLABS,
            step_s=sub_step_s,
        )

    @property
    def temperature_k(self) -> float:
        """Temperature of the gas, relative to the air."""
        return self._temperature_k

    def step(self, departures_px: list[FloatImage], rate_g_per_h: float) -> None:
        """Carry the gas on by one sub-step and release more.

        Args:
            departures_px: for each slab of air where it came from, float32 (H, W, 2).
            rate_g_per_h: mean release, >= 0.
        """
        self._plume.step(departures_px, rate_g_per_h / 3600.0)

    def column_ppm_m(self) -> FloatImage:
        """Gas in each line of sight: float32 (H, W), ppm m."""
        return column_density_ppm_m(self._plume.column_g_per_m2)

    def share(self) -> FloatImage:
        """Fraction of the camera's band that the gas absorbs: float32 (H, W), 0-1."""
        return absorbed_fraction(self.column_ppm_m())

    def in_front_of(self, background_k: FloatImage) -> FloatImage:
        """Give the temperatures that are seen through the gas.

        Args:
            background_k: float32 (H, W), relative to the air.

        Returns:
            float32 (H, W).
        """
        return seen_through(background_k, self.share(), self._temperature_k)
