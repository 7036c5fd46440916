"""What the camera looks at: the category of a video, and its distance, source and horizon."""

import math
from dataclasses import dataclass

import numpy as np

_FIELD_OF_VIEW_DEG = 24.0

Range = tuple[float, float]


@dataclass(frozen=True)
class Preset:
    """Parameters of one category.

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
    hill_probability: float
    cloud_contrast_k: Range
    cloud_cover: Range
    birds_per_minute: float
    people_per_minute: float
    steam_probability: float


def _clear(*distances_m: float) -> Preset:
    return Preset(
        distances_m=distances_m,
        hill_probability=0.25,
        cloud_contrast_k=(0.1, 0.5),
        cloud_cover=(0.1, 0.3),
        birds_per_minute=0.5,
        people_per_minute=0.3,
        steam_probability=0.0,
    )


def _complex(*distances_m: float) -> Preset:
    return Preset(
        distances_m=distances_m,
        hill_probability=0.25,
        cloud_contrast_k=(0.8, 2.2),
        cloud_cover=(0.25, 0.5),
        birds_per_minute=6.0,
        people_per_minute=3.0,
        steam_probability=0.35,
    )


# The distances are those of the GasVid videos in each category.
PRESETS: dict[str, Preset] = {
    "close_clear": _clear(4.6),
    "medium_clear": _clear(6.9, 9.8),
    "close_complex": _complex(4.6),
    "long_clear": _clear(18.6),
    "long_complex": _complex(15.6, 18.6),
}

CATEGORIES: tuple[str, ...] = tuple(PRESETS)


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
    """Draw distance, source and horizon of a video.

    Args:
        rng: random generator.
        shape: rows and columns.
        preset: the category.

    Returns:
        The view.
    """
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
