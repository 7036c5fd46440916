"""Composites: synthetic plumes rendered into real footage that is free of gas."""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import KW_ONLY, dataclass
from typing import NamedTuple

import numpy as np

from fgstp.plumes.camera import visible_change
from fgstp.plumes.fields import FloatImage, GreyImage, blurred, log_uniform
from fgstp.plumes.leak import Leak, absorbed_fraction
from fgstp.plumes.presets import conditions_named
from fgstp.plumes.schedule import LEAK_RATES_G_PER_H, leak_classes
from fgstp.plumes.view import View
from fgstp.plumes.wind import Air

_LONGEST_SUB_STEP_S = 1.0 / 30.0
_DISTANCES_M = 2.0, 18.0  # log-uniform
_GAS_LEVELS = 60.0, 200.0  # the grey level of opaque gas
_STRENGTH = 1.0, 12.0  # factor of the column density, log-uniform
_SPEED = 0.15, 1.0  # real plumes are often slower than rendered ones
_BLUR_PX = 0.1, 4.0  # and softer
_GROWTH_S = 8.0  # of the plume of a leak that is on at the start
_PARTS = ("view", "air", "gas", "leaks", "look")


class CompositeFrame(NamedTuple):
    """One frame and its ground truth.

    Attributes:
        grey: (H, W) uint8, the footage with the gas.
        mask: (H, W) uint8, 0 or 1, gas visible in `grey`.
        column_density_ppm_m: (H, W) float32, gas in each line of sight, visible or not.
        leak_class: 0-7, GasVid's class of the release rate; 0 means no leak.
    """

    grey: GreyImage
    mask: GreyImage
    column_density_ppm_m: FloatImage
    leak_class: int


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

    @property
    def source_xy_px(self) -> tuple[float, float]:
        """Position of the source, column and row."""
        return self._view(next(iter(self.background())).shape).source_xy_px

    def leak_fraction(self) -> float:
        """Fraction of the frames in which the leak is on; nothing is rendered for it."""
        classes = leak_classes(self._rng("leaks"), self.fps_hz, conditions_named("wide").leak)
        return float(np.mean([each > 0 for each in itertools.islice(classes, self.n_frames)]))

    def __iter__(self) -> Iterator[CompositeFrame]:
        frames = itertools.islice(there_and_back(self.background()), self.n_frames)
        first = next(frames)
        look = self._rng("look")
        gas_level = look.uniform(*_GAS_LEVELS)
        strength = np.float32(log_uniform(look, _STRENGTH))
        blur_px, speed = look.uniform(*_BLUR_PX), look.uniform(*_SPEED)
        columns = self._columns(first.shape, speed / self.fps_hz)
        for frame, (column_ppm_m, leak_class) in zip(
            itertools.chain([first], frames), columns, strict=False
        ):
            if not column_ppm_m.any():
                yield CompositeFrame(
                    frame, np.zeros(frame.shape, np.uint8), column_ppm_m, leak_class
                )
                continue
            column = strength * blurred(column_ppm_m, blur_px)
            without = frame.astype(np.float32)
            seen = without + absorbed_fraction(column) * (np.float32(gas_level) - without)
            grey = np.clip(np.rint(seen), 0, 255).astype(np.uint8)
            yield CompositeFrame(grey, visible_change(seen, without), column, leak_class)

    def _columns(self, shape: tuple[int, ...], step_s: float) -> Iterator[tuple[FloatImage, int]]:
        """Gas in each line of sight and the leak class of each frame, without end."""
        view, wide = self._view(shape), conditions_named("wide")
        sub_steps = max(1, math.ceil(step_s / _LONGEST_SUB_STEP_S))
        air = Air(self._rng("air"), view, wide.air, step_s, step_s / sub_steps)
        gas = Leak(self._rng("gas"), view, wide.leak, step_s / sub_steps)
        is_first = True
        for leak_class in leak_classes(self._rng("leaks"), self.fps_hz, wide.leak):
            rate_g_per_h = LEAK_RATES_G_PER_H[leak_class] if leak_class else 0.0
            n_steps = round(_GROWTH_S / step_s) if is_first and leak_class else 1
            for _ in range(n_steps):
                air.step()
                if not rate_g_per_h and gas.plume.is_empty:
                    continue
                departures_px = air.departures_px()
                for _ in range(sub_steps):
                    gas.step(departures_px, rate_g_per_h)
            is_first = False
            yield gas.column_ppm_m(), leak_class

    def _view(self, shape: tuple[int, ...]) -> View:
        rng, (rows, columns) = self._rng("view"), shape
        distance_m = log_uniform(rng, _DISTANCES_M)
        source = columns * rng.uniform(0.1, 0.9), rows * rng.uniform(0.25, 0.9)
        return View((rows, columns), distance_m, source, horizon_px=2.0 * rows)

    def _rng(self, part: str) -> np.random.Generator:
        """A random generator of its own for each part."""
        children = np.random.SeedSequence(self.seed).spawn(len(_PARTS))
        return np.random.default_rng(children[_PARTS.index(part)])


def there_and_back(frames: Iterable[GreyImage]) -> Iterator[GreyImage]:
    """The frames, then backwards and forwards in turn, without end and without a pause."""
    kept = []
    for frame in frames:
        kept.append(frame)
        yield frame
    order = [*range(len(kept) - 2, -1, -1), *range(1, len(kept))] or [0]
    for number in itertools.cycle(order):
        yield kept[number]
