"""From temperatures to grey levels: automatic gain, its drift and steps, and local contrast."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from fgstp.plumes.fields import FloatImage, OrnsteinUhlenbeck

_DRIFT_S, _SMOOTHING_S = 400.0, 60.0
_COARSER = 8


class ContrastControl:
    """Automatic gain: a linear map from temperature to 0-255 that adapts slowly.

    The lower limit follows the 1st percentile. The span follows the 99th percentile but
    stays within bounds, so that a cold sky beside hot steel does not hide the few grey
    levels of the gas, and an empty sky is not stretched into noise.

    Args:
        span_k: smallest and largest span of temperatures between black and white.
        contrast: fraction of the span from the 1st to the 99th percentile.
        memory: weight of the old limits in each update, 0-1.
    """

    def __init__(self, span_k: tuple[float, float], contrast: float, memory: float) -> None:
        self._span_k, self._contrast, self._memory = span_k, contrast, memory
        self._limits_k = np.full(2, np.nan)  # not adapted yet

    def adapt(self, temperature_k: FloatImage) -> None:
        """Move the limits towards the range of a frame, float32 (H, W)."""
        # Every fourth pixel in each direction is enough for the percentiles.
        low, high = np.percentile(temperature_k[::4, ::4], (1.0, 99.0))
        span = np.clip((high - low) / self._contrast, *self._span_k)
        wanted = np.array([low, low + span])
        old = wanted if np.isnan(self._limits_k).any() else self._limits_k
        self._limits_k = self._memory * old + (1.0 - self._memory) * wanted

    def grey_levels(self, temperature_k: FloatImage) -> FloatImage:
        """Map temperatures to grey levels, float32 (H, W), 0-255 within the limits."""
        low, high = self._limits_k
        return (temperature_k - np.float32(low)) * np.float32(255.0 / (high - low))


class GainDrift:
    """Slow drift of all grey levels, and sudden steps of gain and offset.

    Args:
        rng: random generator.
        drift_levels: standard deviation of the drift.
        steps_per_hour: mean number of steps.
        step_s: time between two frames.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        drift_levels: float,
        steps_per_hour: float,
        step_s: float,
    ) -> None:
        self._rng = rng
        self._drift = OrnsteinUhlenbeck(
            rng, np.zeros(1), np.full(1, drift_levels), time_s=_DRIFT_S, step_s=step_s
        )
        # Twice smoothed: a sensor warms up and cools down without trembling.
        self._smooth_levels = self._drift.step()
        self._weight = 1.0 - math.exp(-step_s / _SMOOTHING_S)
        self._probability = 1.0 - math.exp(-steps_per_hour * step_s / 3600.0)
        self._gain, self._offset = 1.0, 0.0

    def step(self) -> NDArray[np.float32]:
        """Advance by one frame; returns gain and offset: float32 (2,)."""
        if self._rng.random() < self._probability:
            self._gain = self._rng.uniform(0.8, 1.25)
            self._offset = self._rng.normal(0.0, 8.0)
        self._smooth_levels = self._smooth_levels + self._weight * (
            self._drift.step() - self._smooth_levels
        )
        return np.array([self._gain, self._offset + self._smooth_levels[0]], np.float32)


def surround(image: FloatImage, sigma_px: float) -> FloatImage:
    """Mean of the wide surroundings of each pixel: float32 (H, W)."""
    rows, columns = image.shape
    size = (max(1, columns // _COARSER), max(1, rows // _COARSER))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), max(sigma_px / _COARSER, 0.5))
    return np.asarray(cv2.resize(small, (columns, rows)), np.float32)
