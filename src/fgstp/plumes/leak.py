"""The leak: when it is on, how strong it is, and how an infrared camera sees its gas."""

from collections.abc import Iterator

import numpy as np

from fgstp.plumes.fields import FloatImage
from fgstp.plumes.transport import Plume
from fgstp.plumes.view import View

# GasVid's eight release rates; class 0 is invisible and means "no leak".
LEAK_RATES_G_PER_H = (5.3, 277.7, 713.1, 958.8, 1124.3, 1389.8, 1806.1, 2051.6)

_SHORTEST_S = 6.0
_LONGEST_S = 15.0
# A pause of at least 2/3 of the preceding leak keeps 40 % of the frames free of leaks.
_PAUSE_PER_LEAK = 2.0 / 3.0
_G_PER_M2_PER_PPM_M = 6.67e-4  # methane at 1 atm and 293 K
_ABSORPTION_PER_PPM_M = 1.1e-4  # mean of methane's nu3 band over the filter, 3.2-3.4 um
_SATURATION_PPM_M = 5000.0  # above this the strong lines of the band are opaque


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


def column_density_ppm_m(column_g_per_m2: FloatImage) -> FloatImage:
    """Convert methane in the line of sight from g/m² to ppm m; float32 (H, W)."""
    return column_g_per_m2 * np.float32(1.0 / _G_PER_M2_PER_PPM_M)


def absorbed_fraction(column_ppm_m: FloatImage) -> FloatImage:
    """Fraction of the camera's band that methane absorbs, by Beer-Lambert with line saturation.

    1 - exp(-k CL / sqrt(1 + CL/CL_s)): linear in CL for thin gas; the exponent grows with
    the square root of CL where the strong lines are saturated.

    Args:
        column_ppm_m: float32 (H, W), >= 0.

    Returns:
        float32 (H, W), 0-1.
    """
    saturation = np.sqrt(1.0 + column_ppm_m / np.float32(_SATURATION_PPM_M))
    optical_depth = np.float32(_ABSORPTION_PER_PPM_M) * column_ppm_m / saturation
    return np.asarray(-np.expm1(-optical_depth), np.float32)


def seen_through(background_k: FloatImage, absorbed: FloatImage, gas_k: float) -> FloatImage:
    """Temperature that the camera measures through a layer that absorbs and emits.

    T = (1 - a) T_b + a T_g, the linear form of (B(T_b) - B(T_g)) (1 - tau) (Zeng and
    Morris 2018): gas warmer than its background looks bright, colder gas dark.

    Args:
        background_k: float32 (H, W), temperature behind the layer.
        absorbed: float32 (H, W), 0-1, fraction that the layer absorbs.
        gas_k: temperature of the layer, on the scale of `background_k`.

    Returns:
        float32 (H, W).
    """
    return background_k + absorbed * (np.float32(gas_k) - background_k)


class Leak:
    """Methane from one source, at about the temperature of the air.

    Args:
        rng: random generator.
        view: position of the source.
        sub_step_s: time between two steps.

    Attributes:
        temperature_k: temperature of the gas, relative to the air.
        plume: the gas in the air.
    """

    def __init__(self, rng: np.random.Generator, view: View, sub_step_s: float) -> None:
        self.temperature_k = rng.uniform(-0.5, 1.0)
        self.plume = Plume(rng, view, mouth_m=rng.uniform(0.03, 0.045), sub_step_s=sub_step_s)

    def step(self, departures_px: list[FloatImage], rate_g_per_h: float) -> None:
        """Advect the gas by one sub-step and release more, see `Plume.step`."""
        self.plume.step(departures_px, rate_g_per_h / 3600.0)

    def column_ppm_m(self) -> FloatImage:
        """Gas in each line of sight: float32 (H, W), ppm m."""
        return column_density_ppm_m(self.plume.column_g_per_m2)

    def absorbed(self) -> FloatImage:
        """Fraction of the camera's band that the gas absorbs: float32 (H, W), 0-1."""
        return absorbed_fraction(self.column_ppm_m())

    def in_front_of(self, background_k: FloatImage) -> FloatImage:
        """Apparent temperatures through the gas, float32 (H, W), relative to the air."""
        return seen_through(background_k, self.absorbed(), self.temperature_k)
