"""The camera: tripod jitter, blur, sensor noise, contrast control and compression."""

import cv2
import numpy as np
from numpy.typing import NDArray

from fgstp.plumes.fields import FloatImage, GreyImage, OrnsteinUhlenbeck, blurred, moved

_VISIBLE_CHANGE_GREY = 3.0
_JPEG_QUALITY = 88


class ContrastControl:
    """Automatic gain: a linear map from temperature to 0-255 that adapts slowly.

    The lower limit follows the 1st percentile. The span follows the 99th percentile but
    stays within bounds, so that a cold sky beside hot steel does not hide the few grey
    levels of the gas, and an empty sky is not stretched into noise.

    Args:
        span_k: smallest and largest span in kelvin.
        memory: weight of the old limits in each update, 0-1.
    """

    def __init__(self, span_k: tuple[float, float] = (10.0, 18.0), memory: float = 0.9) -> None:
        self._span_k, self._memory = span_k, memory
        self._limits_k = np.full(2, np.nan)  # not adapted yet

    def adapt(self, temperature_k: FloatImage) -> None:
        """Move the limits towards the range of a frame, float32 (H, W)."""
        # Every fourth pixel in each direction is enough for the percentiles.
        low, high = np.percentile(temperature_k[::4, ::4], (1.0, 99.0))
        span = np.clip(1.15 * (high - low), *self._span_k)
        wanted = np.array([low, low + span])
        old = wanted if np.isnan(self._limits_k).any() else self._limits_k
        self._limits_k = self._memory * old + (1.0 - self._memory) * wanted

    def grey_levels(self, temperature_k: FloatImage) -> FloatImage:
        """Map temperatures to grey levels, float32 (H, W), 0-255, not rounded."""
        low, high = self._limits_k
        scaled = (temperature_k - np.float32(low)) * np.float32(255.0 / (high - low))
        return np.asarray(np.clip(scaled, 0.0, 255.0), np.float32)


def visible_change(with_gas: FloatImage, without_gas: FloatImage) -> GreyImage:
    """Mark the pixels that gas changes by more than 3 grey levels after a blur of 1 pixel.

    Args:
        with_gas: float32 (H, W), grey levels.
        without_gas: float32 (H, W), the same frame without gas.

    Returns:
        uint8 (H, W), 0 or 1.
    """
    change = blurred(with_gas - without_gas, 1.0)
    return (np.abs(change) > _VISIBLE_CHANGE_GREY).astype(np.uint8)


class Camera:
    """A cooled infrared camera on a tripod.

    Noise follows the 3-D noise model of D'Agostino and Webb: temporal noise (NETD), fixed
    pattern noise and column noise. Dead pixels have a constant offset.

    Args:
        rng: random generator.
        shape: rows and columns.
        step_s: time between two frames.
    """

    def __init__(self, rng: np.random.Generator, shape: tuple[int, int], step_s: float) -> None:
        self._rng, self._shape = rng, shape
        sigma_px = np.full(2, rng.uniform(0.05, 0.25))
        self._jitter = OrnsteinUhlenbeck(
            rng, np.zeros(2), sigma_px, time_s=rng.uniform(0.1, 0.5), step_s=step_s
        )
        self._blur_px = rng.uniform(0.7, 1.0)
        self._netd_k = rng.uniform(0.010, 0.025)
        self._pattern_k = self._fixed_pattern()
        self._contrast = ContrastControl()

    def _fixed_pattern(self) -> FloatImage:
        rng = self._rng
        pattern = rng.normal(0.0, 0.7, self._shape) + rng.normal(0.0, 0.4, self._shape[1])
        pattern *= self._netd_k
        for _ in range(rng.integers(0, 4)):
            row, column = rng.integers(0, self._shape)
            pattern[row, column] += rng.choice([-1.0, 1.0]) * rng.uniform(0.3, 1.0)
        return pattern.astype(np.float32)

    def expose(
        self, with_gas_k: FloatImage, without_gas_k: FloatImage | None
    ) -> tuple[GreyImage, GreyImage]:
        """Take one frame and its mask.

        Args:
            with_gas_k: float32 (H, W), the scene in front of the camera.
            without_gas_k: the same scene without gas; None if there is no gas.

        Returns:
            The frame, uint8 (H, W), and the mask of visible gas, uint8 (H, W), 0 or 1; the
            same jitter moves both.
        """
        shift_px = self._jitter.step()
        seen = self._optics(with_gas_k, shift_px)
        noise = self._rng.standard_normal(self._shape, dtype=np.float32)
        raw = seen + np.float32(self._netd_k) * noise + self._pattern_k
        self._contrast.adapt(raw)
        grey = _compressed(np.rint(self._contrast.grey_levels(raw)).astype(np.uint8))
        if without_gas_k is None:
            return grey, np.zeros(self._shape, np.uint8)
        without = self._contrast.grey_levels(self._optics(without_gas_k, shift_px))
        return grey, visible_change(self._contrast.grey_levels(seen), without)

    def _optics(self, temperature_k: FloatImage, shift_px: NDArray[np.float64]) -> FloatImage:
        return blurred(moved(temperature_k, shift_px, periodic=False), self._blur_px)


def _compressed(grey: GreyImage) -> GreyImage:
    """Apply the losses of JPEG, since GasVid's videos are compressed."""
    _, data = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
