"""What the camera looks at: the five categories, distance, source and horizon."""

import math
from dataclasses import dataclass

import numpy as np

from fgstp.plumes.conditions import Conditions, SceneName
from fgstp.plumes.fields import log_uniform

# The distances are those of the GasVid videos in each category.
DISTANCES_M = {
    "close_clear": (4.6,),
    "medium_clear": (6.9, 9.8),
    "close_complex": (4.6,),
    "long_clear": (18.6,),
    "long_complex": (15.6, 18.6),
}
CATEGORIES = tuple(DISTANCES_M)


@dataclass(frozen=True)
class View:
    """Size, distance, source and horizon of a picture.

    Attributes:
        shape: rows and columns of the picture.
        distance_m: distance from camera to source.
        source_xy_px: mouth of the release stack.
        horizon_px: first row of the ground; below the picture if there is none.
        scene: what stands behind the source.
        field_of_view_deg: horizontal field of view.
    """

    shape: tuple[int, int]
    distance_m: float
    source_xy_px: tuple[float, float]
    horizon_px: float
    scene: SceneName = "plant"
    field_of_view_deg: float = 24.0

    @property
    def pixel_m(self) -> float:
        """Width of a pixel at the source."""
        return self.distance_m * math.radians(self.field_of_view_deg) / self.shape[1]


def draw_view(
    rng: np.random.Generator, shape: tuple[int, int], category: str, conditions: Conditions
) -> View:
    """Draw distance, source, scene and horizon of a video with a picture of (rows, columns)."""
    rows, columns = shape
    leak = conditions.leak
    distance_m = float(rng.choice(DISTANCES_M[category]))
    source = (columns * rng.uniform(*leak.source_x), rows * rng.uniform(*leak.source_y))
    weights = np.array(list(conditions.scenes.values()))
    scene = list(conditions.scenes)[rng.choice(len(weights), p=weights / weights.sum())]
    return View(
        shape,
        distance_m,
        source,
        _horizon_px(rng, rows, distance_m, source[1], scene),
        scene,
        log_uniform(rng, conditions.camera.field_of_view_deg),
    )


def _horizon_px(
    rng: np.random.Generator, rows: int, distance_m: float, source_y: float, scene: SceneName
) -> float:
    """First row of the ground."""
    if scene == "plant":
        # A camera close to a stack looks up, and sees no ground.
        return rows * (rng.uniform(0.92, 1.12) if distance_m > 8.0 else 2.0)
    if scene == "hill":
        return source_y - rows * rng.uniform(0.0, 0.25)
    if scene == "indoor":
        return rows * rng.uniform(0.7, 1.1)
    return rows * rng.uniform(0.35, 0.9)
