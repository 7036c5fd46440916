"""The view of the camera: size, distance, source and horizon."""

import math
from dataclasses import dataclass

import numpy as np

_FIELD_OF_VIEW_DEG = 24.0


@dataclass(frozen=True)
class View:
    """The view of the camera.

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


def draw_view(
    rng: np.random.Generator, shape: tuple[int, int], distance_m: float, hill_probability: float
) -> View:
    """Draw the positions of source and horizon.

    Args:
        rng: random generator.
        shape: rows and columns.
        distance_m: distance from camera to source.
        hill_probability: 0-1.

    Returns:
        The view.
    """
    rows, columns = shape
    source = (columns * rng.uniform(0.35, 0.65), rows * rng.uniform(0.5, 0.7))
    hill = bool(rng.random() < hill_probability)
    if hill:
        horizon = source[1] - rows * rng.uniform(0.0, 0.25)
    elif distance_m > 8.0:
        horizon = rows * rng.uniform(0.92, 1.12)
    else:
        horizon = rows * 2.0
    return View(shape, distance_m, source, horizon, hill)
