"""Plumes that do not move: in any one frame they look like gas, and only time tells."""

import dataclasses

import numpy as np

from fgstp.plumes.air import Air
from fgstp.plumes.images import FloatImage
from fgstp.plumes.leak import Leak
from fgstp.plumes.schedule import LEAK_RATES_G_PER_H
from fgstp.plumes.view import View

_GROWTH_S = (5.0, 10.0)


class StillPlumes:
    """Leaks that were stopped in time: each grew in a wind of its own and stays as it is.

    No camera ever saw any. They are for footage in which motion is the only cue.

    Args:
        rng: source of chance.
        view: size of the picture and of its pixels.
        n_plumes: how many there are; each has a place and a release rate of its own.
        step_s: time between two frames.
        sub_steps: steps in which the gas is carried on between two frames.
    """

    def __init__(
        self, rng: np.random.Generator, view: View, n_plumes: int, step_s: float, sub_steps: int
    ) -> None:
        self._leaks = [_grown(rng, view, step_s, sub_steps) for _ in range(n_plumes)]

    def in_front_of(self, background_k: FloatImage) -> FloatImage:
        """Give the temperatures that are seen through all of them.

        Args:
            background_k: float32 (H, W), relative to the air.

        Returns:
            float32 (H, W).
        """
        for leak in self._leaks:
            background_k = leak.in_front_of(background_k)
        return background_k


def _grown(rng: np.random.Generator, view: View, step_s: float, sub_steps: int) -> Leak:
    """A leak after some seconds."""
    rows, columns = view.shape
    source = (columns * rng.uniform(0.1, 0.9), rows * rng.uniform(0.4, 0.8))
    rate_g_per_h = float(rng.choice(LEAK_RATES_G_PER_H[1:]))
    air = Air(rng, view, step_s, step_s / sub_steps)
    leak = Leak(rng, dataclasses.replace(view, source_xy_px=source), step_s / sub_steps)
    for _ in range(round(rng.uniform(*_GROWTH_S) / step_s)):
        departures_px = air.step()
        for _ in range(sub_steps):
            leak.step(departures_px, rate_g_per_h)
    return leak
