"""The static background: sky, hill, ground and equipment."""

from dataclasses import dataclass

import cv2
import numpy as np

from fgstp.plumes.equipment import Light, draw
from fgstp.plumes.images import FloatImage
from fgstp.plumes.layout import Layout
from fgstp.plumes.randomness import power_law_field
from fgstp.plumes.view import View

_SUPERSAMPLING = 2  # equipment is drawn finer and averaged, as a detector pixel averages


@dataclass(frozen=True)
class Scene:
    """Temperatures without gas, clouds and moving objects.

    Attributes:
        temperature_k: float32 (H, W), apparent temperature relative to the air.
        sky: float32 (H, W), 0-1, fraction of each pixel that shows sky.
        backdrop: float32 (H, W), 0-1, fraction that equipment does not hide: sky or ground.
    """

    temperature_k: FloatImage
    sky: FloatImage
    backdrop: FloatImage


def build_scene(rng: np.random.Generator, view: View) -> Scene:
    """Draw sky, ground and equipment.

    Args:
        rng: random generator.
        view: position of source and horizon.

    Returns:
        The scene at the resolution of the frame.
    """
    fine = tuple(_SUPERSAMPLING * size for size in view.shape)
    fine_view = View(
        shape=(fine[0], fine[1]),
        distance_m=view.distance_m,
        source_xy_px=(
            _SUPERSAMPLING * (view.source_xy_px[0] + 0.5) - 0.5,
            _SUPERSAMPLING * (view.source_xy_px[1] + 0.5) - 0.5,
        ),
        horizon_px=_SUPERSAMPLING * view.horizon_px,
        hill=view.hill,
    )
    temperature = _sky(rng, fine_view)
    ground = _add_ground(rng, fine_view, temperature)
    light = Light(
        side=rng.choice([-1.0, 1.0]) * rng.uniform(0.2, 0.7),
        streak_k=rng.uniform(1.5, 3.5),
        rim_k=rng.uniform(3.5, 6.0),
        slope_k=rng.uniform(0.8, 2.0),
    )
    equipment = np.zeros(fine_view.shape, np.float32)
    for tube in Layout(rng, fine_view).tubes():
        draw(temperature, equipment, tube, light)
    # Paint and rust: the emissivity varies over a surface.
    patches = power_law_field(rng, fine_view.shape, slope=3.6, largest_px=fine[0] / 5)
    temperature += 0.2 * patches * equipment
    return Scene(
        temperature_k=_averaged(temperature, view.shape),
        sky=1.0 - _averaged(np.maximum(ground, equipment), view.shape),
        backdrop=1.0 - _averaged(equipment, view.shape),
    )


def _averaged(fine: FloatImage, shape: tuple[int, int]) -> FloatImage:
    return np.asarray(cv2.resize(fine, shape[::-1], interpolation=cv2.INTER_AREA), np.float32)


def _sky(rng: np.random.Generator, view: View) -> FloatImage:
    """Clear sky: coldest overhead, warmer near the horizon, where the air path is longer."""
    rows, columns = view.shape
    # A camera that sees a hill points less steeply upwards, through more warm air.
    top_k = rng.uniform(-9.0, -7.0) if view.hill else rng.uniform(-16.0, -12.0)
    warming_k = rng.uniform(3.0, 4.5) if view.hill else rng.uniform(4.0, 6.5)
    lowest_px = min(rows, view.horizon_px)
    height = np.clip(np.arange(rows, dtype=np.float32) / lowest_px, 0.0, 1.0)[:, None]
    slant = np.linspace(-1.0, 1.0, columns, dtype=np.float32)[None, :]
    warming = warming_k * height ** rng.uniform(1.2, 1.9)
    # Haze and lens make one side a little brighter.
    warming = warming * (1.0 + rng.uniform(-0.2, 0.2) * slant)
    haze = power_law_field(rng, view.shape, slope=3.6, largest_px=columns / 2, stretch=4.0)
    return np.asarray(top_k + warming + 0.12 * haze * height, np.float32)


def _add_ground(rng: np.random.Generator, view: View, temperature_k: FloatImage) -> FloatImage:
    """Draw a warm hill or cold flat ground; returns the fraction of each pixel it covers."""
    rows, columns = view.shape
    if view.horizon_px >= rows:
        return np.zeros(view.shape, np.float32)
    roughness = rows * (0.05 if view.hill else 0.012)
    ridge = power_law_field(rng, (1, columns), slope=4.5, largest_px=columns / 2)[0]
    shrubs = power_law_field(rng, (1, columns), slope=1.2, largest_px=columns / 40)[0]
    edge = view.horizon_px + roughness * ridge + 0.002 * rows * shrubs
    depth = np.arange(rows, dtype=np.float32)[:, None] - edge.astype(np.float32)[None, :]
    alpha = np.clip(depth + 0.5, 0.0, 1.0)
    relief = power_law_field(rng, view.shape, slope=3.0, largest_px=rows / 4, stretch=4.0)
    patches = power_law_field(rng, view.shape, slope=2.0, largest_px=rows / 30, stretch=2.0)
    # Haze moves distant ground towards the temperature of the air.
    near_k = rng.uniform(3.0, 5.0) if view.hill else rng.uniform(-7.0, -1.5)
    haze = np.exp(-np.clip(depth, 0.0, None) / (0.15 * rows))
    ground = near_k * (1.0 - 0.6 * haze) + 0.8 * relief + 0.3 * np.minimum(patches, 0.5)
    temperature_k += alpha * (ground - temperature_k)
    return np.asarray(alpha, np.float32)
