"""Plumes that do not move: in any one frame they look like gas, and only time tells."""

import dataclasses
from typing import NamedTuple

import numpy as np

from fgstp.plumes.air import Air
from fgstp.plumes.images import FloatImage
from fgstp.plumes.leak import Leak
from fgstp.plumes.radiometry import seen_through
from fgstp.plumes.schedule import LEAK_RATES_G_PER_H
from fgstp.plumes.view import View

_GROWTH_S = (5.0, 10.0)
# Steps of their own, so that the frame rate of a video does not change its still plumes.
_STEPS_PER_S = 15
_SUB_STEPS = 2


class _Layer(NamedTuple):
    """A leak that was stopped: what a frame needs of it.

    Attributes:
        share: float32 (H, W), what it absorbs, 0-1.
        gas_k: its temperature, relative to the air.
    """

    share: FloatImage
    gas_k: float


class StillPlumes:
    """Leaks that were stopped in time: each grew in a wind of its own and stays as it is.

    No camera ever saw any. They are for footage in which motion is the only cue. As with any
    leak, chance may make one that cannot be seen: little gas, or gas as warm as what is behind
    it.

    Args:
        rng: source of chance.
        view: size of the picture and of its pixels.
        n_plumes: how many there are; each has a place and a release rate of its own.
    """

    def __init__(self, rng: np.random.Generator, view: View, n_plumes: int) -> None:
        self._layers = [_stopped(_grown(rng, view)) for _ in range(n_plumes)]

    def in_front_of(self, background_k: FloatImage) -> FloatImage:
        """Give the temperatures that are seen through all of them.

        Args:
            background_k: float32 (H, W), relative to the air.

        Returns:
            float32 (H, W).
        """
        for layer in self._layers:
            background_k = seen_through(background_k, layer.share, layer.gas_k)
        return background_k


def _stopped(leak: Leak) -> _Layer:
    return _Layer(leak.share(), leak.temperature_k)


def _grown(rng: np.random.Generator, view: View) -> Leak:
    """A leak after some seconds."""
    step_s = 1.0 / _STEPS_PER_S
    sub_step_s = step_s / _SUB_STEPS
    rows, columns = view.shape
    source = (columns * rng.uniform(0.1, 0.9), rows * rng.uniform(0.4, 0.8))
    rate_g_per_h = float(rng.choice(LEAK_RATES_G_PER_H[1:]))
    air = Air(rng, view, step_s, sub_step_s)
    leak = Leak(rng, dataclasses.replace(view, source_xy_px=source), sub_step_s)
    for _ in range(round(rng.uniform(*_GROWTH_S) * _STEPS_PER_S)):
        departures_px = air.step()
        for _ in range(_SUB_STEPS):
            leak.step(departures_px, rate_g_per_h)
    return leak
