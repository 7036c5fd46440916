"""Clouds: wisps as bright as gas that drift behind it."""

import math

import numpy as np

from fgstp.plumes.images import FloatImage, moved
from fgstp.plumes.presets import Preset
from fgstp.plumes.randomness import power_law_field


class Clouds:
    """Wisps that drift over the sky and slowly change.

    Patches (large scale) times texture (small scale); the two drift at slightly
    different speeds, so the wisps form and vanish and never come back the same.

    Args:
        rng: source of chance.
        shape: rows and columns.
        preset: how many clouds, how bright.
        step_s: time between two frames.
    """

    def __init__(
        self, rng: np.random.Generator, shape: tuple[int, int], preset: Preset, step_s: float
    ) -> None:
        rows, columns = shape
        self._contrast_k = np.float32(rng.uniform(*preset.cloud_contrast_k))
        cover = rng.uniform(*preset.cloud_cover)
        shapes = {"stretch": rng.uniform(1.5, 3.0), "angle": rng.uniform(-1.0, 1.0)}
        patches = power_law_field(rng, shape, slope=4.0, largest_px=columns / 4, **shapes)
        threshold = np.quantile(patches, 1.0 - cover)
        self._patches = np.clip((patches - threshold) / 1.5, 0.0, 1.0).astype(np.float32)
        texture = power_law_field(rng, shape, slope=3.3, largest_px=rows / 6, **shapes)
        self._texture = np.clip(0.5 + 0.5 * texture, 0.0, 1.5).astype(np.float32)
        angle = rng.uniform(0.0, 2.0 * math.pi)
        # 3-15 pixels a second in a picture of 320 pixels.
        speed = rng.uniform(0.01, 0.05) * columns * step_s
        self._velocity = speed * np.array([math.cos(angle), 0.3 * math.sin(angle)])
        self._offset = np.zeros(2)

    def step(self) -> FloatImage:
        """Drift for one frame.

        Returns:
            float32 (H, W), kelvin on top of the clear sky, >= 0.
        """
        self._offset += self._velocity
        size = self._patches.shape[::-1]
        patches = moved(self._patches, self._offset % size, periodic=True)
        texture = moved(self._texture, 1.25 * self._offset % size, periodic=True)
        return self._contrast_k * patches * texture
