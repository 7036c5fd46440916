"""Sky, hills, meadows and water."""

import numpy as np

from fgstp.plumes.canvas import Canvas
from fgstp.plumes.fields import FloatImage, power_law_field
from fgstp.plumes.view import View


def clear_sky(rng: np.random.Generator, view: View) -> Canvas:
    """Clear sky: coldest overhead, warmer near the horizon, where the air path is longer."""
    rows, columns = view.shape
    # A camera that sees the ground points less steeply upwards, through more warm air.
    steep = view.scene == "plant"
    top_k = rng.uniform(-16.0, -12.0) if steep else rng.uniform(-9.0, -7.0)
    warming_k = rng.uniform(4.0, 6.5) if steep else rng.uniform(3.0, 4.5)
    if not (steep or view.scene == "hill"):
        # Under a cover of clouds the sky is hardly colder than the air.
        top_k, warming_k = np.array([top_k, warming_k]) * rng.uniform(0.3, 1.5)
    lowest_px = min(rows, view.horizon_px)
    height = np.clip(np.arange(rows, dtype=np.float32) / lowest_px, 0.0, 1.0)[:, None]
    slant = np.linspace(-1.0, 1.0, columns, dtype=np.float32)[None, :]
    warming = warming_k * height ** rng.uniform(1.2, 1.9)
    # Haze and lens make one side a little brighter.
    warming = warming * (1.0 + rng.uniform(-0.2, 0.2) * slant)
    haze = power_law_field(rng, view.shape, slope=3.6, largest_px=columns / 2, stretch=4.0)
    return Canvas(np.asarray(top_k + warming + 0.12 * haze * height, np.float32))


def add_hill(rng: np.random.Generator, view: View, canvas: Canvas) -> None:
    """Draw a warm hill up to the horizon."""
    depth = _depth(rng, view, roughness=0.05)
    _add_soil(rng, canvas, depth, rng.uniform(3.0, 5.0))


def add_ground(
    rng: np.random.Generator, view: View, canvas: Canvas, *, near_k: float, grass: float = 0.0
) -> None:
    """Draw flat ground below the horizon.

    Args:
        rng: random generator.
        view: the view.
        canvas: changed in place.
        near_k: temperature of the ground near the camera.
        grass: fraction of it that is grass.
    """
    if view.horizon_px >= view.shape[0]:
        return
    depth = _depth(rng, view, roughness=0.012)
    _add_soil(rng, canvas, depth, near_k, grass)
    if grass and rng.random() < 0.4:
        _add_road(rng, view, canvas, depth, near_k + rng.uniform(-3.0, 3.0))


def _depth(rng: np.random.Generator, view: View, *, roughness: float) -> FloatImage:
    """Rows below the edge of the ground: float32 (H, W)."""
    rows, columns = view.shape
    ridge = power_law_field(rng, (1, columns), slope=4.5, largest_px=columns / 2)[0]
    shrubs = power_law_field(rng, (1, columns), slope=1.2, largest_px=columns / 40)[0]
    edge = view.horizon_px + rows * (roughness * ridge + 0.002 * shrubs)
    return np.arange(rows, dtype=np.float32)[:, None] - edge.astype(np.float32)[None, :]


def _add_soil(
    rng: np.random.Generator, canvas: Canvas, depth: FloatImage, near_k: float, grass: float = 0.0
) -> None:
    rows = canvas.shape[0]
    alpha = np.clip(depth + 0.5, 0.0, 1.0)
    relief = power_law_field(rng, canvas.shape, slope=3.0, largest_px=rows / 4, stretch=4.0)
    patches = power_law_field(rng, canvas.shape, slope=2.0, largest_px=rows / 30, stretch=2.0)
    # Haze moves distant ground towards the temperature of the air.
    haze = np.exp(-np.clip(depth, 0.0, None) / (0.15 * rows))
    texture = 0.3 * np.minimum(patches, 0.5) + 0.8 * relief
    if grass:
        # Blades grow towards the camera.
        blades = power_law_field(rng, canvas.shape, slope=1.6, largest_px=rows / 60)
        texture = 0.5 * texture + rng.uniform(0.1, 0.5) * blades * (1.0 - haze)
    canvas.cover(alpha, near_k * (1.0 - 0.6 * haze) + texture, vegetation=grass)


def _add_road(
    rng: np.random.Generator, view: View, canvas: Canvas, depth: FloatImage, road_k: float
) -> None:
    """A smooth strip across the ground."""
    rows, columns = view.shape
    slant = rng.uniform(-0.15, 0.15) * (np.arange(columns, dtype=np.float32) - columns / 2)
    middle = rng.uniform(0.02, 0.2) * rows + slant
    width = rows * rng.uniform(0.01, 0.08)
    canvas.cover(
        np.clip(width - np.abs(depth - middle), 0.0, 1.0) * np.clip(depth, 0.0, 1.0), road_k
    )


def add_water(rng: np.random.Generator, view: View, canvas: Canvas) -> None:
    """Draw calm water, which reflects the sky, below the horizon; its waves are added later."""
    depth = np.arange(view.shape[0], dtype=np.float32)[:, None] - np.float32(view.horizon_px)
    alpha = np.broadcast_to(np.clip(depth + 0.5, 0.0, 1.0), view.shape)
    near_k = rng.uniform(-4.0, 2.0)
    # At a grazing angle water is a mirror of the warm horizon.
    grazing = np.exp(-np.clip(depth, 0.0, None) / (0.2 * view.shape[0]))
    canvas.cover(alpha, near_k + rng.uniform(-2.0, 1.0) * grazing, water=1.0)
