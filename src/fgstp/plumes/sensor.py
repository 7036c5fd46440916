"""Noise of cooled and uncooled sensors, after the 3-D noise model of D'Agostino and Webb."""

import math

import numpy as np

from fgstp.plumes.fields import FloatImage, OrnsteinUhlenbeck, power_law_field

_PATTERN_S = 2000.0


class CooledSensor:
    """Little noise that changes from frame to frame, and a fixed pattern weaker than it.

    Dead pixels have a constant offset.
    """

    def __init__(self, rng: np.random.Generator, shape: tuple[int, int]) -> None:
        self._rng, self._shape = rng, shape
        self._netd_k = np.float32(rng.uniform(0.010, 0.025))
        pattern = rng.normal(0.0, 0.7, shape) + rng.normal(0.0, 0.4, shape[1])
        self._pattern_k = (pattern * self._netd_k + dead_pixels(rng, shape)).astype(np.float32)

    def step(self) -> FloatImage:
        """Noise of the next frame, in kelvin: float32 (H, W)."""
        noise = self._rng.standard_normal(self._shape, dtype=np.float32)
        return self._netd_k * noise + self._pattern_k

    def calibrate(self) -> None:
        """Renew the fixed pattern; that of a cooled sensor stays."""


class UncooledSensor:
    """Strong noise of pixels, rows and columns, and a pattern that drifts until a shutter closes.

    Args:
        rng: random generator.
        shape: rows and columns.
        step_s: time between two frames.
    """

    def __init__(self, rng: np.random.Generator, shape: tuple[int, int], step_s: float) -> None:
        self._rng, self._shape = rng, shape
        columns = shape[1]
        self._netd_k = np.float32(rng.uniform(0.03, 0.12))
        self._row_k = self._netd_k * rng.uniform(0.05, 0.4)
        drift = {"time_s": rng.uniform(5.0, 90.0), "step_s": step_s}
        column_k = np.full(columns, float(self._netd_k) * rng.uniform(0.1, 0.8))
        self._columns = OrnsteinUhlenbeck(rng, np.zeros(columns), column_k, **drift)
        # A pattern that slowly turns into another one.
        self._mix = OrnsteinUhlenbeck(
            rng, np.zeros(1), np.ones(1), time_s=_PATTERN_S, step_s=step_s
        )
        self._lens_k = rng.uniform(0.0, 0.6) * power_law_field(
            rng, shape, slope=4.0, largest_px=columns
        )
        self._dead_k = dead_pixels(rng, shape)
        self.calibrate()

    def step(self) -> FloatImage:
        """Noise of the next frame, in kelvin: float32 (H, W)."""
        rng, angle = self._rng, self._mix.step()[0]
        noise = self._netd_k * rng.standard_normal(self._shape, dtype=np.float32)
        noise += np.float32(math.cos(angle)) * self._patterns_k[0]
        noise += np.float32(math.sin(angle)) * self._patterns_k[1]
        lines = rng.normal(0.0, self._row_k, (self._shape[0], 1)) + self._columns.step()
        noise += lines.astype(np.float32)
        return noise

    def calibrate(self) -> None:
        """Renew the fixed pattern, as the shutter does."""
        patterns = self._rng.standard_normal((2, *self._shape), dtype=np.float32)
        patterns *= self._netd_k * np.float32(self._rng.uniform(0.3, 1.0))
        patterns[0] += self._dead_k
        patterns[1] += self._lens_k
        self._patterns_k = patterns


def dead_pixels(rng: np.random.Generator, shape: tuple[int, int]) -> FloatImage:
    """Offsets of up to three defective pixels, in kelvin: float32 (H, W)."""
    offsets = np.zeros(shape, np.float32)
    for _ in range(rng.integers(0, 4)):
        row, column = rng.integers(0, shape)
        offsets[row, column] = rng.choice([-1.0, 1.0]) * rng.uniform(0.3, 1.0)
    return offsets
