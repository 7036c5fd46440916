"""Weather: clouds, waves, glints, rain, and what sways and shimmers."""

import math

import cv2
import numpy as np

from fgstp.plumes.canvas import Canvas
from fgstp.plumes.conditions import Surroundings
from fgstp.plumes.fields import (
    FloatImage,
    OrnsteinUhlenbeck,
    blurred,
    log_uniform,
    moved,
    power_law_field,
    remapped,
)
from fgstp.plumes.leak import pixel_grid

_DRAWN_WIDTH_PX = 320  # the width for which speeds and sizes in pixels are told


class Clouds:
    """Clouds, as bright as gas, that drift behind it and slowly change.

    Patches (large scale) times texture (small scale). The two drift at slightly different
    speeds, so that clouds form and dissolve and never repeat.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        shape: tuple[int, int],
        surroundings: Surroundings,
        step_s: float,
    ) -> None:
        rows, columns = shape
        self._contrast_k = np.float32(rng.uniform(*surroundings.cloud_contrast_k))
        cover = rng.uniform(*surroundings.cloud_cover)
        shapes = {"stretch": rng.uniform(1.5, 3.0), "angle": rng.uniform(-1.0, 1.0)}
        patches = power_law_field(rng, shape, slope=4.0, largest_px=columns / 4, **shapes)
        threshold = np.quantile(patches, 1.0 - cover)
        self._patches = np.clip((patches - threshold) / 1.5, 0.0, 1.0).astype(np.float32)
        texture = power_law_field(rng, shape, slope=3.3, largest_px=rows / 6, **shapes)
        self._texture = np.clip(0.5 + 0.5 * texture, 0.0, 1.5).astype(np.float32)
        angle = rng.uniform(0.0, 2.0 * math.pi)
        speed = log_uniform(rng, surroundings.cloud_drift_px_per_s) * columns / _DRAWN_WIDTH_PX
        # Mostly sideways, since the camera looks at the horizon rather than straight up.
        way = np.array([math.cos(angle), 0.3 * math.sin(angle)])
        self._velocity = speed * step_s * way / np.hypot(*way)
        self._offset = np.zeros(2)

    def step(self) -> FloatImage:
        """Advance by one frame; returns kelvin to be added to the clear sky, float32 (H, W)."""
        self._offset += self._velocity
        size = self._patches.shape[::-1]
        patches = moved(self._patches, self._offset % size, periodic=True)
        texture = moved(self._texture, 1.25 * self._offset % size, periodic=True)
        return self._contrast_k * patches * texture


class Waves:
    """Waves on water: two patterns that run through each other; nothing where there is none."""

    def __init__(self, rng: np.random.Generator, water: FloatImage, step_s: float) -> None:
        rows, columns = water.shape
        self._visible = bool(water.any())
        # Waves look flatter and smaller towards the horizon.
        self._weight = np.float32(log_uniform(rng, (0.05, 0.6))) * water
        size = rng.uniform(0.02, 0.15) * rows
        self._patterns = [
            power_law_field(rng, water.shape, slope=2.5, largest_px=size, stretch=5.0)
            for _ in range(2 if self._visible else 0)
        ]
        self._velocities = [
            step_s * columns * np.array([rng.uniform(-0.03, 0.03), rng.uniform(0.0, 0.015)])
            for _ in self._patterns
        ]
        self._time = 0

    def step(self) -> FloatImage | np.float32:
        """Advance by one frame; returns kelvin to be added, float32 (H, W), or 0."""
        if not self._visible:
            return np.float32(0.0)
        self._time += 1
        size = self._weight.shape[::-1]
        pair = zip(self._patterns, self._velocities, strict=True)
        waves = [moved(each, self._time * way % size, periodic=True) for each, way in pair]
        return np.asarray(self._weight * (waves[0] + waves[1]), np.float32)


class Glints:
    """Small reflections of the sun that flicker, on water or on metal."""

    def __init__(
        self, rng: np.random.Generator, scene: Canvas, surroundings: Surroundings, step_s: float
    ) -> None:
        self._shape = scene.shape
        place = np.argwhere(scene.water > 0.5)
        wanted = bool(rng.random() < surroundings.glint_fraction)
        count = int(rng.integers(5, 150))
        if not len(place):
            place, count = np.argwhere(scene.backdrop < 0.5), int(rng.integers(1, 12))
            if not (wanted and len(place)):
                place = place[:0]
        self._place = place[rng.integers(0, len(place), count)] if len(place) else place
        self._strength_k = rng.uniform(1.0, 15.0)
        n = len(self._place)
        time_s = rng.uniform(0.05, 2.0)
        self._flicker = OrnsteinUhlenbeck(
            rng, np.full(n, -1.0), np.ones(n), time_s=time_s, step_s=step_s
        )

    def step(self) -> FloatImage | np.float32:
        """Advance by one frame; returns kelvin to be added, float32 (H, W), or 0."""
        if not len(self._place):
            return np.float32(0.0)
        picture = np.zeros(self._shape, np.float32)
        picture[tuple(self._place.T)] = np.maximum(self._flicker.step(), 0.0) * self._strength_k
        return blurred(picture, 0.7)


class Rain:
    """Streaks of rain or flakes of snow; most videos have none."""

    def __init__(
        self,
        rng: np.random.Generator,
        shape: tuple[int, int],
        surroundings: Surroundings,
        step_s: float,
    ) -> None:
        self._rng, self._shape = rng, shape
        self._falls = bool(rng.random() < surroundings.rain_fraction)
        self._count = int(rng.integers(10, 250) * shape[1] / _DRAWN_WIDTH_PX)
        self._length = rng.uniform(0.0, 0.12) * shape[0] * min(1.0, 30.0 * step_s)
        self._lean = rng.normal(0.0, 0.2)
        self._contrast_k = np.float32(rng.choice([-1.0, 1.0]) * rng.uniform(0.3, 2.0))

    def step(self) -> FloatImage | np.float32:
        """Advance by one frame; returns kelvin to be added, float32 (H, W), or 0."""
        if not self._falls:
            return np.float32(0.0)
        rows, columns = self._shape
        top = self._rng.uniform(-0.1, 1.0, (self._count, 2)) * (columns, rows)
        way = np.array([self._lean, 1.0]) * self._length
        lines = np.rint(16.0 * np.stack([top, top + way], axis=1)).astype(np.int32)
        cover = np.zeros(self._shape, np.uint8)
        cv2.polylines(cover, list(lines), False, 160, 1, cv2.LINE_AA, 4)
        return cover.astype(np.float32) * (self._contrast_k / np.float32(255.0))


class Warp:
    """Vegetation that sways in gusts, and hot air whose shimmer distorts the picture."""

    def __init__(
        self, rng: np.random.Generator, scene: Canvas, surroundings: Surroundings, step_s: float
    ) -> None:
        columns = scene.shape[1]
        scale = columns / _DRAWN_WIDTH_PX
        sways = rng.random() < surroundings.sway_fraction and scene.vegetation.any()
        shimmers = rng.random() < surroundings.shimmer_fraction
        self._sway_px = scale * rng.uniform(0.2, 2.0) * sways * scene.vegetation
        self._shimmer_px = scale * rng.uniform(0.1, 0.5) * shimmers
        self._idle = not (sways or shimmers)
        shapes = {"slope": 3.0, "largest_px": columns / 12}
        self._phase = 2.0 * power_law_field(rng, scene.shape, **shapes)
        self._omega = 2.0 * math.pi * rng.uniform(0.3, 2.0) * step_s
        self._gust = OrnsteinUhlenbeck(
            rng, np.full(1, 0.5), np.full(1, 0.5), time_s=rng.uniform(1.0, 5.0), step_s=step_s
        )
        self._haze = power_law_field(rng, scene.shape, slope=3.0, largest_px=columns / 20)
        self._rise_px = scale * step_s * rng.uniform(20.0, 80.0)
        self._grid = pixel_grid(scene.shape)
        self._time = 0

    def step(self, temperature_k: FloatImage) -> FloatImage:
        """Advance by one frame; returns the distorted picture, float32 (H, W)."""
        if self._idle:
            return temperature_k
        self._time += 1
        gust = np.float32(max(0.0, self._gust.step()[0]))
        way = self._sway_px * gust * np.sin(self._phase + np.float32(self._omega * self._time))
        source = self._grid.copy()
        source[..., 0] += way
        source[..., 1] += 0.3 * way
        if self._shimmer_px:
            size = self._haze.shape[::-1]
            for axis, drift in enumerate((1.0, 0.8)):
                offset = np.array([97.0 * axis, -drift * self._rise_px * self._time]) % size
                haze = moved(self._haze, offset, periodic=True)
                source[..., axis] += np.float32(self._shimmer_px) * haze
        return remapped(temperature_k, source, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE)
