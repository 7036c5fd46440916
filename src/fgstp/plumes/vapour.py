"""What drifts and is no leak: steam, and plumes that do not move."""

from dataclasses import replace

import numpy as np

from fgstp.plumes.conditions import Conditions, Surroundings
from fgstp.plumes.fields import FloatImage
from fgstp.plumes.leak import Leak, Plume, seen_through
from fgstp.plumes.schedule import LEAK_RATES_G_PER_H
from fgstp.plumes.view import View
from fgstp.plumes.wind import Air

_EXTINCTION_M2_PER_G = 1.0  # of droplets, which are far more opaque than gas
_GROWTH_S = (5.0, 10.0)
# Fixed, so that the frame rate of a video does not change its still plumes.
_GROWTH_STEPS_PER_S = 15
_GROWTH_SUB_STEPS = 2
_BLOWS_S = (2.0, 60.0)


class Steam:
    """A vent of warm, opaque steam that evaporates within seconds.

    Half of the vents blow all the time, the others come and go as leaks do.
    """

    def __init__(
        self, rng: np.random.Generator, view: View, surroundings: Surroundings, sub_step_s: float
    ) -> None:
        rows, columns = view.shape
        self._rng, self._sub_step_s = rng, sub_step_s
        self._plume: Plume | None = None
        self._temperature_k = (
            rng.uniform(0.0, 5.0) if rng.random() < 0.6 else rng.uniform(5.0, 25.0)
        )
        self._rate_g_per_s = rng.uniform(0.03, 0.3)
        self._steady = bool(rng.random() < 0.5)
        self._blowing, self._left_s = True, rng.uniform(*_BLOWS_S)
        vent = (columns * rng.uniform(0.1, 0.9), rows * rng.uniform(0.4, 0.95))
        if rng.random() < surroundings.steam_fraction:
            self._plume = Plume(
                rng,
                replace(view, source_xy_px=vent),
                mouth_m=rng.uniform(0.02, 0.04),
                sub_step_s=sub_step_s,
                lifetime_s=rng.uniform(0.5, 4.0),
            )

    @property
    def is_there(self) -> bool:
        """Whether there is a vent."""
        return self._plume is not None

    def step(self, departures_px: list[FloatImage]) -> None:
        """Advect the steam by one sub-step and release more, see `Plume.step`."""
        if self._plume is None:
            return
        self._left_s -= self._sub_step_s
        if self._left_s < 0.0:
            self._blowing, self._left_s = not self._blowing, self._rng.uniform(*_BLOWS_S)
        blows = self._steady or self._blowing
        self._plume.step(departures_px, self._rate_g_per_s if blows else 0.0)

    def in_front_of(self, background_k: FloatImage) -> FloatImage:
        """Apparent temperatures, float32 (H, W), of a background with the steam in front."""
        if self._plume is None:
            return background_k
        opacity = -np.expm1(-np.float32(_EXTINCTION_M2_PER_G) * self._plume.column_g_per_m2)
        return seen_through(background_k, opacity, self._temperature_k)


class StillPlumes:
    """Plumes that do not move: each is a leak that grew in its own wind and was then frozen.

    They do not occur in reality. They serve for footage in which motion is the only cue. Position
    and release rate of each are random. As with any leak, one may be invisible by chance: little
    gas, or gas as warm as its background.
    """

    def __init__(
        self, rng: np.random.Generator, view: View, n_plumes: int, conditions: Conditions
    ) -> None:
        leaks = [_grown(rng, view, conditions) for _ in range(n_plumes)]
        self._frozen = [(leak.absorbed(), leak.temperature_k) for leak in leaks]

    def in_front_of(self, background_k: FloatImage) -> FloatImage:
        """Apparent temperatures, float32 (H, W), of a background seen through all plumes."""
        for absorbed, gas_k in self._frozen:
            background_k = seen_through(background_k, absorbed, gas_k)
        return background_k


def _grown(rng: np.random.Generator, view: View, conditions: Conditions) -> Leak:
    """A leak after 5 to 10 seconds."""
    step_s = 1.0 / _GROWTH_STEPS_PER_S
    sub_step_s = step_s / _GROWTH_SUB_STEPS
    rows, columns = view.shape
    source = (columns * rng.uniform(0.1, 0.9), rows * rng.uniform(0.4, 0.8))
    rate_g_per_h = float(rng.choice(LEAK_RATES_G_PER_H[1:]))
    air = Air(rng, view, conditions.air, step_s, sub_step_s)
    leak = Leak(rng, replace(view, source_xy_px=source), conditions.leak, sub_step_s)
    for _ in range(round(rng.uniform(*_GROWTH_S) * _GROWTH_STEPS_PER_S)):
        air.step()
        departures_px = air.departures_px()
        for _ in range(_GROWTH_SUB_STEPS):
            leak.step(departures_px, rate_g_per_h)
    return leak
