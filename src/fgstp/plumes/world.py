"""What the camera looks at: the scene, the weather, what moves, and what drifts in the air."""

import math
from collections.abc import Mapping

import numpy as np

from fgstp.plumes.conditions import Conditions, Surroundings
from fgstp.plumes.fields import FloatImage
from fgstp.plumes.leak import Leak
from fgstp.plumes.scene import build_scene
from fgstp.plumes.traffic import Traffic
from fgstp.plumes.vapour import Steam, StillPlumes
from fgstp.plumes.view import View
from fgstp.plumes.weather import Clouds, Glints, Rain, Warp, Waves
from fgstp.plumes.wind import Air

_LONGEST_SUB_STEP_S = 1.0 / 30.0
_GROWTH_S = 6.0


class World:
    """Everything in front of the camera, one frame at a time.

    Args:
        rngs: a random generator for each part, by its name.
        view: the view.
        conditions: what there may be.
        surroundings: those of the category.
        n_still_plumes: number of still plumes.
        step_s: time between two frames.
    """

    def __init__(
        self,
        rngs: Mapping[str, np.random.Generator],
        view: View,
        conditions: Conditions,
        surroundings: Surroundings,
        *,
        n_still_plumes: int,
        step_s: float,
    ) -> None:
        self._step_s = step_s
        self._sub_steps = math.ceil(step_s / _LONGEST_SUB_STEP_S)
        sub_step_s = step_s / self._sub_steps
        self._scene = scene = build_scene(rngs["scene"], view)
        self._air = Air(rngs["air"], view, conditions.air, step_s, sub_step_s)
        self._gas = Leak(rngs["gas"], view, conditions.leak, sub_step_s)
        self._steam = Steam(rngs["steam"], view, surroundings, sub_step_s)
        self._clouds = Clouds(rngs["clouds"], view.shape, surroundings, step_s)
        self._waves = Waves(rngs["waves"], scene.water, step_s)
        self._glints = Glints(rngs["glints"], scene, surroundings, step_s)
        self._rain = Rain(rngs["rain"], view.shape, surroundings, step_s)
        self._warp = Warp(rngs["warp"], scene, surroundings, step_s)
        self._traffic = Traffic(rngs["traffic"], view, surroundings, step_s)
        self._still = StillPlumes(rngs["still plumes"], view, n_still_plumes, conditions)

    def grow(self, rate_g_per_h: float) -> None:
        """Let gas and steam blow for a while, before the first frame."""
        for _ in range(round(_GROWTH_S / self._step_s)):
            self._blow(rate_g_per_h)

    def step(self, rate_g_per_h: float) -> list[FloatImage]:
        """Advance by one frame, in which gas is released at this rate.

        Returns:
            Temperatures, float32 (H, W), relative to the air: the background, and the same with
            what moves in front of it, with steam in front of that, and with gas in front of all.
            The same object twice means that there is nothing in front.
        """
        self._blow(rate_g_per_h)
        sky_k = self._clouds.step() * self._scene.sky
        still_k = self._scene.temperature_k + sky_k + self._waves.step() + self._glints.step()
        background_k = self._still.in_front_of(self._warp.step(still_k) + self._rain.step())
        busy_k = self._traffic.in_front_of(background_k, self._scene.backdrop)
        steamy_k = self._steam.in_front_of(busy_k)
        is_clear = self._gas.plume.is_empty
        gassy_k = steamy_k if is_clear else self._gas.in_front_of(steamy_k)
        return [background_k, busy_k, steamy_k, gassy_k]

    def column_ppm_m(self) -> FloatImage:
        """Gas in each line of sight: float32 (H, W), ppm m."""
        return self._gas.column_ppm_m()

    def _blow(self, rate_g_per_h: float) -> None:
        self._air.step()
        if not (rate_g_per_h or self._steam.is_there) and self._gas.plume.is_empty:
            return
        departures_px = self._air.departures_px()
        for _ in range(self._sub_steps):
            self._gas.step(departures_px, rate_g_per_h)
            self._steam.step(departures_px)
