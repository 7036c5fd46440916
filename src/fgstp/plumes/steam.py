"""A steam vent: carried by the same air as the gas, but it shines instead of absorbing."""

import numpy as np

from fgstp.plumes.air import SLABS
from fgstp.plumes.images import FloatImage
from fgstp.plumes.presets import Preset
from fgstp.plumes.radiometry import seen_through
from fgstp.plumes.transport import Plume
from fgstp.plumes.view import View

_EXTINCTION_M2_PER_G = 1.0  # droplets scatter: far more opaque than gas


class Steam:
    """Opaque, warm, and gone after a second or two; in most videos there is none.

    Args:
        rng: source of chance.
        view: size of the picture and of its pixels.
        preset: how likely a vent is.
        sub_step_s: time between two steps.
    """

    def __init__(
        self, rng: np.random.Generator, view: View, preset: Preset, sub_step_s: float
    ) -> None:
        rows, columns = view.shape
        self._plume: Plume | None = None
        self._temperature_k = rng.uniform(0.0, 5.0)
        self._rate_g_per_s = rng.uniform(0.05, 0.15)
        vent = (columns * rng.uniform(0.1, 0.9), rows * rng.uniform(0.75, 0.95))
        if rng.random() < preset.steam_probability:
            self._plume = Plume(
                rng,
                view.shape,
                source_xy_px=vent,
                pixel_m=view.pixel_m,
                mouth_m=rng.uniform(0.02, 0.04),
                slabs=SLABS,
                step_s=sub_step_s,
                lifetime_s=rng.uniform(0.5, 2.0),
            )

    def step(self, departures_px: list[FloatImage]) -> None:
        """Carry the steam on by one sub-step.

        Args:
            departures_px: for each slab of air where it came from, float32 (H, W, 2).
        """
        if self._plume is not None:
            self._plume.step(departures_px, self._rate_g_per_s)

    def in_front_of(self, background_k: FloatImage) -> FloatImage:
        """Give the temperatures that are seen with the steam in front.

        Args:
            background_k: float32 (H, W), relative to the air.

        Returns:
            float32 (H, W).
        """
        if self._plume is None:
            return background_k
        opacity = -np.expm1(-np.float32(_EXTINCTION_M2_PER_G) * self._plume.column_g_per_m2)
        return seen_through(background_k, opacity, self._temperature_k)
