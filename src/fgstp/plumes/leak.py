"""The leak: when it is on, how strong it is, and how it changes the apparent temperature."""

from collections.abc import Iterator

import numpy as np

from fgstp.plumes.images import FloatImage
from fgstp.plumes.radiometry import absorbed_fraction, column_density_ppm_m, seen_through
from fgstp.plumes.transport import Plume
from fgstp.plumes.view import View
from fgstp.plumes.wind import SLABS

# GasVid's eight release rates; class 0 is invisible and means "no leak".
LEAK_RATES_G_PER_H: tuple[float, ...] = (
    5.3,
    277.7,
    713.1,
    958.8,
    1124.3,
    1389.8,
    1806.1,
    2051.6,
)

_SHORTEST_S = 6.0
_LONGEST_S = 15.0
# A pause of at least 2/3 of the preceding leak keeps 40 % of the frames free of leaks.
_PAUSE_PER_LEAK = 2.0 / 3.0


def leak_classes(rng: np.random.Generator, fps_hz: float) -> Iterator[int]:
    """Yields the leak class of each frame, without end.

    Leaks of a random class 1-7 and pauses (class 0) alternate, each 6-15 s long, so that 20 s
    of video contain both. Each pause lasts at least 2/3 of the preceding leak.

    Args:
        rng: random generator, used by this schedule only.
        fps_hz: frame rate, > 0.

    Yields:
        The class of each frame, 0-7.
    """
    previous_leak_s = 0.0
    leaking = bool(rng.random() < 0.5)
    # Ends of segments are kept in seconds, so that rounding to frames does not accumulate.
    end_s, frame = 0.0, 0
    while True:
        if leaking:
            duration_s = previous_leak_s = rng.uniform(_SHORTEST_S, _LONGEST_S)
            leak_class = int(rng.integers(1, len(LEAK_RATES_G_PER_H)))
        else:
            shortest_s = max(_SHORTEST_S, _PAUSE_PER_LEAK * previous_leak_s)
            duration_s = rng.uniform(shortest_s, _LONGEST_S)
            leak_class = 0
        end_s += duration_s
        while frame < end_s * fps_hz:
            yield leak_class
            frame += 1
        leaking = not leaking


class Leak:
    """Methane from one source, at about the temperature of the air.

    Args:
        rng: random generator.
        view: position of the source.
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
        """Advect the gas by one sub-step and release more.

        Args:
            departures_px: for each slab the departure points of its air, float32 (H, W, 2).
            rate_g_per_h: mean release rate, >= 0.
        """
        self._plume.step(departures_px, rate_g_per_h / 3600.0)

    def column_ppm_m(self) -> FloatImage:
        """Gas in each line of sight: float32 (H, W), ppm m."""
        return column_density_ppm_m(self._plume.column_g_per_m2)

    def absorbed(self) -> FloatImage:
        """Fraction of the camera's band that the gas absorbs: float32 (H, W), 0-1."""
        return absorbed_fraction(self.column_ppm_m())

    def in_front_of(self, background_k: FloatImage) -> FloatImage:
        """Apparent temperatures through the gas.

        Args:
            background_k: float32 (H, W), relative to the air.

        Returns:
            float32 (H, W).
        """
        return seen_through(background_k, self.absorbed(), self._temperature_k)
