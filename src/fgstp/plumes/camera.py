"""The camera: what it looks at, jitter, blur, sensor noise, contrast control and compression."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fgstp.plumes.fields import FloatImage, GreyImage, OrnsteinUhlenbeck, blurred, moved

_FIELD_OF_VIEW_DEG = 24.0
_SPAN_K = (10.0, 18.0)  # smallest and largest span of grey levels
_MEMORY = 0.9  # weight of the old limits of contrast in each update
_VISIBLE_CHANGE_GREY = 3.0
_JPEG_QUALITY = 88

Range = tuple[float, float]


@dataclass(frozen=True)
class Preset:
    """Parameters of one category; the defaults are those of clear sky.

    Attributes:
        distances_m: distances from camera to source, one of which is drawn.
        hill_probability: fraction of videos with a warm hill as background.
        cloud_contrast_k: range of the contrast between the thickest cloud and the sky.
        cloud_cover: range of the cloudy fraction of the sky, 0-1.
        birds_per_minute: mean number of birds crossing the picture.
        people_per_minute: mean number of people walking through it.
        steam_probability: fraction of videos with a steam vent.
    """

    distances_m: tuple[float, ...]
    hill_probability: float = 0.25
    cloud_contrast_k: Range = (0.1, 0.5)
    cloud_cover: Range = (0.1, 0.3)
    birds_per_minute: float = 0.5
    people_per_minute: float = 0.3
    steam_probability: float = 0.0


def _complex(*distances_m: float) -> Preset:
    return Preset(
        distances_m,
        cloud_contrast_k=(0.8, 2.2),
        cloud_cover=(0.25, 0.5),
        birds_per_minute=6.0,
        people_per_minute=3.0,
        steam_probability=0.35,
    )


# The distances are those of the GasVid videos in each category.
PRESETS = {
    "close_clear": Preset((4.6,)),
    "medium_clear": Preset((6.9, 9.8)),
    "close_complex": _complex(4.6),
    "long_clear": Preset((18.6,)),
    "long_complex": _complex(15.6, 18.6),
}
CATEGORIES = tuple(PRESETS)


@dataclass(frozen=True)
class View:
    """Size, distance, source and horizon of a picture.

    Attributes:
        shape: rows and columns of the picture.
        distance_m: distance from camera to source.
        source_xy_px: mouth of the release stack.
        horizon_px: first row of the ground; below the picture if there is none.
        hill: whether a warm hill rises behind the equipment up to the horizon.
    """

    shape: tuple[int, int]
    distance_m: float
    source_xy_px: tuple[float, float]
    horizon_px: float
    hill: bool

    @property
    def pixel_m(self) -> float:
        """Width of a pixel at the source."""
        return self.distance_m * math.radians(_FIELD_OF_VIEW_DEG) / self.shape[1]


def draw_view(rng: np.random.Generator, shape: tuple[int, int], preset: Preset) -> View:
    """Draw distance, source and horizon of a video with a picture of (rows, columns)."""
    rows, columns = shape
    distance_m = float(rng.choice(preset.distances_m))
    source = (columns * rng.uniform(0.35, 0.65), rows * rng.uniform(0.5, 0.7))
    hill = bool(rng.random() < preset.hill_probability)
    if hill:
        horizon = source[1] - rows * rng.uniform(0.0, 0.25)
    elif distance_m > 8.0:
        horizon = rows * rng.uniform(0.92, 1.12)
    else:
        horizon = rows * 2.0
    return View(shape, distance_m, source, horizon, hill)


class ContrastControl:
    """Automatic gain: a linear map from temperature to 0-255 that adapts slowly.

    The lower limit follows the 1st percentile. The span follows the 99th percentile but
    stays within bounds, so that a cold sky beside hot steel does not hide the few grey
    levels of the gas, and an empty sky is not stretched into noise.
    """

    def __init__(self) -> None:
        self._limits_k = np.full(2, np.nan)  # not adapted yet

    def adapt(self, temperature_k: FloatImage) -> None:
        """Move the limits towards the range of a frame, float32 (H, W)."""
        # Every fourth pixel in each direction is enough for the percentiles.
        low, high = np.percentile(temperature_k[::4, ::4], (1.0, 99.0))
        span = np.clip(1.15 * (high - low), *_SPAN_K)
        wanted = np.array([low, low + span])
        old = wanted if np.isnan(self._limits_k).any() else self._limits_k
        self._limits_k = _MEMORY * old + (1.0 - _MEMORY) * wanted

    def grey_levels(self, temperature_k: FloatImage) -> FloatImage:
        """Map temperatures to grey levels, float32 (H, W), 0-255, not rounded."""
        low, high = self._limits_k
        scaled = (temperature_k - np.float32(low)) * np.float32(255.0 / (high - low))
        return np.asarray(np.clip(scaled, 0.0, 255.0), np.float32)


def visible_change(with_gas: FloatImage, without_gas: FloatImage) -> GreyImage:
    """Mark the pixels that gas changes by more than 3 grey levels after a blur of 1 pixel.

    From the grey levels of a frame with and without gas, float32 (H, W); uint8 (H, W), 0 or 1.
    """
    change = blurred(with_gas - without_gas, 1.0)
    return (np.abs(change) > _VISIBLE_CHANGE_GREY).astype(np.uint8)


class Camera:
    """A cooled infrared camera on a tripod.

    Noise follows the 3-D noise model of D'Agostino and Webb: temporal noise (NETD), fixed
    pattern noise and column noise. Dead pixels have a constant offset.
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
        """Take one frame, uint8 (H, W), and its mask of visible gas, uint8 (H, W), 0 or 1.

        The same jitter moves both.

        Args:
            with_gas_k: float32 (H, W), the scene in front of the camera.
            without_gas_k: the same scene without gas; None if there is no gas.
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
