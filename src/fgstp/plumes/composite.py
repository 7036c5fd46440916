"""Composites: synthetic plumes rendered into real footage that is free of gas."""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import KW_ONLY, dataclass

import numpy as np

from fgstp.plumes.camera import View, visible_change
from fgstp.plumes.fields import GreyImage, blurred
from fgstp.plumes.leak import LEAK_RATES_G_PER_H, Leak, absorbed_fraction, leak_classes
from fgstp.plumes.video import PlumeFrame
from fgstp.plumes.wind import Air

_LONGEST_SUB_STEP_S = 1.0 / 30.0
_DISTANCES_M = 2.0, 18.0  # log-uniform
_GAS_LEVELS = 60.0, 200.0  # the grey level of opaque gas
_STRENGTH = 1.0, 12.0  # factor of the column density, log-uniform
_SPEED = 0.15, 1.0  # real plumes are often slower than rendered ones
_BLUR_PX = 0.1, 4.0  # and softer
_PARTS = ("view", "air", "gas", "leaks", "look")


@dataclass(eq=False)
class CompositeVideo:
    """Leak-free footage with a plume in front of it; iterate over it to get its frames.

    With I a frame, tau the transmission of the gas in the camera's band, and G the grey level of
    opaque gas, one for the whole video:

        I' = I + (1 - tau) (G - I)

    so that gas looks bright before what is darker than G, and dark before what is brighter.
    Masks mark what changes by more than three grey levels. Footage that is shorter than the
    result is played forwards and backwards in turn, from memory.

    Args:
        background: called for each pass; yields frames (H, W) uint8 of one size.
        seed: random seed of the plume, >= 0.
        n_frames: number of frames, >= 1.
        fps_hz: frame rate, > 0.
    """

    background: Callable[[], Iterable[GreyImage]]
    seed: int
    _: KW_ONLY
    n_frames: int
    fps_hz: float

    def __iter__(self) -> Iterator[PlumeFrame]:
        frames = itertools.islice(_there_and_back(self.background()), self.n_frames)
        first = next(frames)
        root = np.random.SeedSequence(self.seed)
        rngs = dict(zip(_PARTS, map(np.random.default_rng, root.spawn(len(_PARTS))), strict=True))
        look = rngs["look"]
        gas_level = look.uniform(*_GAS_LEVELS)
        strength = np.float32(_log_uniform(_STRENGTH, look))
        blur_px = look.uniform(*_BLUR_PX)
        step_s = look.uniform(*_SPEED) / self.fps_hz
        view = _view(rngs["view"], first.shape)
        sub_steps = max(1, math.ceil(step_s / _LONGEST_SUB_STEP_S))
        air = Air(rngs["air"], view, step_s, step_s / sub_steps)
        gas = Leak(rngs["gas"], view, step_s / sub_steps)
        classes = leak_classes(rngs["leaks"], self.fps_hz)
        for frame, leak_class in zip(itertools.chain([first], frames), classes, strict=False):
            rate_g_per_h = LEAK_RATES_G_PER_H[leak_class]
            departures_px = air.step()
            for _ in range(sub_steps):
                gas.step(departures_px, rate_g_per_h if leak_class else 0.0)
            column_ppm_m = gas.column_ppm_m()
            if not column_ppm_m.any():
                empty = np.zeros(frame.shape, np.uint8)
                yield PlumeFrame(frame, empty, column_ppm_m, leak_class, rate_g_per_h)
                continue
            column_ppm_m = strength * blurred(column_ppm_m, blur_px)
            without = frame.astype(np.float32)
            seen = without + absorbed_fraction(column_ppm_m) * (np.float32(gas_level) - without)
            grey = np.clip(np.rint(seen), 0, 255).astype(np.uint8)
            mask = visible_change(seen, without)
            yield PlumeFrame(grey, mask, column_ppm_m, leak_class, rate_g_per_h)


def _there_and_back(frames: Iterable[GreyImage]) -> Iterator[GreyImage]:
    """The frames, then backwards and forwards in turn, without end and without a pause."""
    kept = []
    for frame in frames:
        kept.append(frame)
        yield frame
    order = [*range(len(kept) - 2, -1, -1), *range(1, len(kept))] or [0]
    for number in itertools.cycle(order):
        yield kept[number]


def _view(rng: np.random.Generator, shape: tuple[int, ...]) -> View:
    rows, columns = shape
    distance_m = _log_uniform(_DISTANCES_M, rng)
    source = columns * rng.uniform(0.15, 0.85), rows * rng.uniform(0.25, 0.9)
    return View((rows, columns), distance_m, source, horizon_px=2.0 * rows, hill=False)


def _log_uniform(span: tuple[float, float], rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(*np.log(span))))
