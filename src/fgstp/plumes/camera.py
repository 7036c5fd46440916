"""The camera: optics, sensor, gain and recorder, and what of gas, steam and movers they show."""

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgstp.plumes.conditions import CameraConditions
from fgstp.plumes.fields import FloatImage, GreyImage, blurred, log_uniform, moved
from fgstp.plumes.gain import ContrastControl, GainDrift, surround
from fgstp.plumes.mount import Mount
from fgstp.plumes.recorder import Recorder
from fgstp.plumes.sensor import CooledSensor, UncooledSensor

_VISIBLE_CHANGE_GREY = 3.0


def visible_change(with_it: FloatImage, without: FloatImage) -> GreyImage:
    """Mark the pixels that something changes by more than 3 grey levels after a blur of 1 pixel.

    From the grey levels of a frame with and without it, float32 (H, W); uint8 (H, W), 0 or 1.
    """
    change = blurred(with_it - without, 1.0)
    return (np.abs(change) > _VISIBLE_CHANGE_GREY).astype(np.uint8)


class Exposure(NamedTuple):
    """A frame, and what is visible in it.

    Attributes:
        grey: uint8 (H, W), what a player of the recording shows.
        masks: for each layer in front of the background uint8 (H, W), 0 or 1: it is visible.
        shift_px: float64 (2,), displacement of the picture, right and down.
    """

    grey: GreyImage
    masks: list[GreyImage]
    shift_px: NDArray[np.float64]


class Camera:
    """An infrared camera, cooled or not, and its recorder.

    Args:
        rng: random generator.
        shape: rows and columns.
        conditions: ranges from which the camera is drawn.
        step_s: time between two frames.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        shape: tuple[int, int],
        conditions: CameraConditions,
        step_s: float,
    ) -> None:
        self._rng, self._shape, self._step_s = rng, shape, step_s
        uncooled = bool(rng.random() < conditions.uncooled_fraction)
        self._mount = Mount(rng, conditions, shape[1], step_s)
        self._blur_px = rng.uniform(0.7, 1.6 if uncooled else 1.0)
        self._sensor = UncooledSensor(rng, shape, step_s) if uncooled else CooledSensor(rng, shape)
        span_k = (log_uniform(rng, (1.5, 12.0)), 40.0) if uncooled else conditions.span_k
        memory = math.exp(-step_s / log_uniform(rng, conditions.gain_time_s))
        self._contrast = ContrastControl(span_k, rng.uniform(*conditions.contrast), memory)
        drift = rng.uniform(*conditions.drift_levels)
        self._drift = GainDrift(rng, drift, conditions.gain_steps_per_hour, step_s)
        # Uncooled cameras often flatten the picture and stress its details.
        self._flattening = np.float32(rng.uniform(0.0, 0.9) if uncooled else 0.0)
        self._surround_px = shape[1] * rng.uniform(0.05, 0.2)
        self._freeze_probability = 1.0 - math.exp(-conditions.freezes_per_hour * step_s / 3600.0)
        self._frozen_s = 0.0
        # The last frame, and what the recorder was given of it.
        self._last: tuple[Exposure, GreyImage] | None = None
        self._recorder = Recorder(rng, conditions, shape)

    def expose(self, layers_k: list[FloatImage]) -> Exposure:
        """Take a frame.

        Args:
            layers_k: temperatures, float32 (H, W): the background, and the same with one more
                layer in front each time, the last with all of them. The same object twice
                means that the layer is empty.
        """
        if self._last is not None and self._is_frozen():
            last, raw = self._last
            return last._replace(grey=self._recorder.record(raw))
        shift_px = self._mount.step()
        seen = [self._optics(layers_k[0], shift_px)]
        for before, after in pairwise(layers_k):
            seen.append(seen[-1] if after is before else self._optics(after, shift_px))
        noisy = seen[-1] + self._sensor.step()
        self._contrast.adapt(noisy)
        gain, offset = self._drift.step()
        local = self._local(seen[-1])
        levels: list[FloatImage] = []
        for k, layer in enumerate(seen):
            same = k and layer is seen[k - 1]
            levels.append(levels[-1] if same else self._levels(layer, local, gain, offset))
        masks = [
            np.zeros(self._shape, np.uint8) if after is before else visible_change(after, before)
            for before, after in pairwise(levels)
        ]
        raw = np.rint(self._levels(noisy, local, gain, offset)).astype(np.uint8)
        exposure = Exposure(self._recorder.record(raw), masks, shift_px)
        self._last = exposure, raw
        return exposure

    def displaced(self, image: FloatImage, shift_px: NDArray[np.float64]) -> FloatImage:
        """Move an image, float32 (H, W), as a displacement of the camera does."""
        return moved(image, shift_px, periodic=False) if shift_px.any() else image

    def _is_frozen(self) -> bool:
        """Whether the shutter is closed, during which the last frame is shown again."""
        if self._frozen_s > 0.0:
            self._frozen_s -= self._step_s
            return True
        if self._rng.random() < self._freeze_probability:
            self._frozen_s = self._rng.uniform(0.2, 2.0)
            self._sensor.calibrate()
            return True
        return False

    def _optics(self, temperature_k: FloatImage, shift_px: NDArray[np.float64]) -> FloatImage:
        return blurred(self.displaced(temperature_k, shift_px), self._blur_px)

    def _local(self, seen: FloatImage) -> FloatImage | None:
        """What the flattening of the picture subtracts, in grey levels."""
        if not self._flattening:
            return None
        wide = surround(self._contrast.grey_levels(seen), self._surround_px)
        return self._flattening * (wide - wide.mean())

    def _levels(
        self,
        temperature_k: FloatImage,
        local: FloatImage | None,
        gain: np.float32,
        offset: np.float32,
    ) -> FloatImage:
        levels = self._contrast.grey_levels(temperature_k)
        if local is not None:
            levels = levels - local
        return np.asarray(np.clip(gain * levels + offset, 0.0, 255.0), np.float32)
