"""What looks like a gas plume: clouds, steam, and plumes that do not move."""

import dataclasses
import math

import numpy as np

from fgstp.plumes.fields import FloatImage, moved, power_law_field
from fgstp.plumes.leak import LEAK_RATES_G_PER_H, Leak, seen_through
from fgstp.plumes.transport import Plume
from fgstp.plumes.view import Preset, View
from fgstp.plumes.wind import Air

_EXTINCTION_M2_PER_G = 1.0  # of droplets, which are far more opaque than gas
_GROWTH_S = (5.0, 10.0)
# Fixed, so that the frame rate of a video does not change its still plumes.
_GROWTH_STEPS_PER_S = 15
_GROWTH_SUB_STEPS = 2


class Clouds:
    """Clouds, as bright as gas, that drift behind it and slowly change.

    Patches (large scale) times texture (small scale). The two drift at slightly different
    speeds, so that clouds form and dissolve and never repeat.

    Args:
        rng: random generator.
        shape: rows and columns.
        preset: cover and contrast of the clouds.
        step_s: time between two frames.
    """

    def __init__(
        self, rng: np.random.Generator, shape: tuple[int, int], preset: Preset, step_s: float
    ) -> None:
        rows, columns = shape
        self._contrast_k = np.float32(rng.uniform(*preset.cloud_contrast_k))
        cover = rng.uniform(*preset.cloud_cover)
        shapes = {"stretch": rng.uniform(1.5, 3.0), "angle": rng.uniform(-1.0, 1.0)}
        patches = power_law_field(rng, shape, slope=4.0, largest_px=columns / 4, **shapes)
        threshold = np.quantile(patches, 1.0 - cover)
        self._patches = np.clip((patches - threshold) / 1.5, 0.0, 1.0).astype(np.float32)
        texture = power_law_field(rng, shape, slope=3.3, largest_px=rows / 6, **shapes)
        self._texture = np.clip(0.5 + 0.5 * texture, 0.0, 1.5).astype(np.float32)
        angle = rng.uniform(0.0, 2.0 * math.pi)
        # 3-15 pixels per second at a width of 320 pixels.
        speed = rng.uniform(0.01, 0.05) * columns * step_s
        self._velocity = speed * np.array([math.cos(angle), 0.3 * math.sin(angle)])
        self._offset = np.zeros(2)

    def step(self) -> FloatImage:
        """Advance by one frame; returns kelvin to be added to the clear sky, float32 (H, W)."""
        self._offset += self._velocity
        size = self._patches.shape[::-1]
        patches = moved(self._patches, self._offset % size, periodic=True)
        texture = moved(self._texture, 1.25 * self._offset % size, periodic=True)
        return self._contrast_k * patches * texture


class Steam:
    """A vent of warm, opaque steam that evaporates within seconds; most videos have none.

    Args:
        rng: random generator.
        view: size of the picture and of its pixels.
        preset: probability of a vent.
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
                dataclasses.replace(view, source_xy_px=vent),
                mouth_m=rng.uniform(0.02, 0.04),
                sub_step_s=sub_step_s,
                lifetime_s=rng.uniform(0.5, 2.0),
            )

    def step(self, departures_px: list[FloatImage]) -> None:
        """Advect the steam by one sub-step and release more, see `Plume.step`."""
        if self._plume is not None:
            self._plume.step(departures_px, self._rate_g_per_s)

    def in_front_of(self, background_k: FloatImage) -> FloatImage:
        """Apparent temperatures behind the steam, float32 (H, W), relative to the air."""
        if self._plume is None:
            return background_k
        opacity = -np.expm1(-np.float32(_EXTINCTION_M2_PER_G) * self._plume.column_g_per_m2)
        return seen_through(background_k, opacity, self._temperature_k)


class StillPlumes:
    """Plumes that do not move: each is a leak that grew in its own wind and was then frozen.

    They do not occur in reality. They serve for footage in which motion is the only cue. As
    with any leak, one may be invisible by chance: little gas, or gas as warm as its background.

    Args:
        rng: random generator.
        view: size of the picture and of its pixels.
        n_plumes: number of plumes, each with a random position and release rate.
    """

    def __init__(self, rng: np.random.Generator, view: View, n_plumes: int) -> None:
        leaks = [_grown(rng, view) for _ in range(n_plumes)]
        self._frozen = [(leak.absorbed(), leak.temperature_k) for leak in leaks]

    def in_front_of(self, background_k: FloatImage) -> FloatImage:
        """Apparent temperatures through all of them, float32 (H, W), relative to the air."""
        for absorbed, gas_k in self._frozen:
            background_k = seen_through(background_k, absorbed, gas_k)
        return background_k


def _grown(rng: np.random.Generator, view: View) -> Leak:
    """A leak after 5 to 10 seconds."""
    step_s = 1.0 / _GROWTH_STEPS_PER_S
    sub_step_s = step_s / _GROWTH_SUB_STEPS
    rows, columns = view.shape
    source = (columns * rng.uniform(0.1, 0.9), rows * rng.uniform(0.4, 0.8))
    rate_g_per_h = float(rng.choice(LEAK_RATES_G_PER_H[1:]))
    air = Air(rng, view, step_s, sub_step_s)
    leak = Leak(rng, dataclasses.replace(view, source_xy_px=source), sub_step_s)
    for _ in range(round(rng.uniform(*_GROWTH_S) * _GROWTH_STEPS_PER_S)):
        departures_px = air.step()
        for _ in range(_GROWTH_SUB_STEPS):
            leak.step(departures_px, rate_g_per_h)
    return leak
