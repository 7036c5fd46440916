"""The static background: sky, hill, ground and equipment."""

import dataclasses
import itertools
import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fgstp.plumes.camera import View
from fgstp.plumes.fields import FloatImage, power_law_field
from fgstp.plumes.layout import Layout, Tube

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


@dataclass(frozen=True)
class Light:
    """Shading of the surfaces of one scene.

    Attributes:
        side: position of the warm streak across the width, -1 (left) to 1 (right).
        streak_k: strength of that streak.
        rim_k: how much colder a surface appears at its rim, which reflects the sky.
        slope_k: how much warmer the sunny side is than the middle.
    """

    side: float
    streak_k: float
    rim_k: float
    slope_k: float


def build_scene(rng: np.random.Generator, view: View) -> Scene:
    """Draw sky, ground and equipment at the resolution of the frame."""
    x, y = (_SUPERSAMPLING * (place + 0.5) - 0.5 for place in view.source_xy_px)
    fine_view = dataclasses.replace(
        view,
        shape=(_SUPERSAMPLING * view.shape[0], _SUPERSAMPLING * view.shape[1]),
        source_xy_px=(x, y),
        horizon_px=_SUPERSAMPLING * view.horizon_px,
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
    patches = power_law_field(rng, fine_view.shape, slope=3.6, largest_px=fine_view.shape[0] / 5)
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


def draw(temperature_k: FloatImage, cover: FloatImage, tube: Tube, light: Light) -> None:
    """Draw one tube over the picture, with smooth edges; parts outside of it are skipped.

    Args:
        temperature_k: float32 (H, W), changed in place.
        cover: float32 (H, W), 0-1, fraction of each pixel that tubes hide; changed in place.
        tube: the tube.
        light: shading of the scene.
    """
    box = _bounding_box(tube, temperature_k.shape)
    if box is None:
        return
    y, x = np.mgrid[box].astype(np.float32)
    along, across, distance = _tube_coordinates(x, y, tube)
    alpha = np.clip(tube.radius_px + 0.5 - distance, 0.0, 1.0)
    surface = _surface_temperature(along, across, distance, tube, light)
    temperature_k[box] += alpha * (surface - temperature_k[box])
    cover[box] = np.maximum(cover[box], alpha)


def _bounding_box(tube: Tube, shape: tuple[int, ...]) -> tuple[slice, slice] | None:
    xs, ys = zip(*tube.points, strict=True)
    margin = tube.radius_px + 1.0
    left, right = max(0, math.floor(min(xs) - margin)), min(shape[1], math.ceil(max(xs) + margin))
    top, low = max(0, math.floor(min(ys) - margin)), min(shape[0], math.ceil(max(ys) + margin))
    return (slice(top, low), slice(left, right)) if left < right and top < low else None


def _tube_coordinates(
    x: FloatImage, y: FloatImage, tube: Tube
) -> tuple[FloatImage, FloatImage, FloatImage]:
    """Position along the tube, signed position across it, and distance, in pixels."""
    along, across, nearest = np.zeros_like(x), np.zeros_like(x), np.full_like(x, np.inf)
    # A ball is a tube with a single segment of length 0.
    pieces = list(itertools.pairwise(tube.points)) or [(tube.points[0], tube.points[0])]
    start = 0.0
    for i, ((x0, y0), (x1, y1)) in enumerate(pieces):
        length = math.hypot(x1 - x0, y1 - y0)
        tx, ty = ((x1 - x0) / length, (y1 - y0) / length) if length else (0.0, 1.0)
        s = (x - x0) * tx + (y - y0) * ty
        n = (x - x0) * ty - (y - y0) * tx
        flat_start = tube.end_flatness if i == 0 else 1.0
        flat_end = tube.end_flatness if i == len(pieces) - 1 else 1.0
        beyond = np.maximum(-s * flat_start, 0.0) + np.maximum((s - length) * flat_end, 0.0)
        distance = np.hypot(n, beyond)
        nearer = distance < nearest
        along, across = np.where(nearer, start + s, along), np.where(nearer, n, across)
        nearest = np.minimum(distance, nearest)
        start += length
    return along, across, nearest


def _surface_temperature(
    along: FloatImage, across: FloatImage, distance: FloatImage, tube: Tube, light: Light
) -> NDArray[np.float32]:
    """Shade a round surface: cold rim, warm streak, sunny side, rings."""
    place = np.clip(across / tube.radius_px, -1.0, 1.0)
    facing = np.sqrt(np.clip(1.0 - (distance / tube.radius_px) ** 2, 0.0, 1.0))
    shading = light.rim_k * (facing - 1.0) + light.slope_k * place * math.copysign(1.0, light.side)
    shading += light.streak_k * np.exp(-(((place - light.side) / 0.18) ** 2))
    # Seen from below, a ring around a tube is an arc that bends upwards.
    bent = along / tube.radius_px + 0.25 * np.sqrt(1.0 - place**2)
    for k, ring in enumerate(tube.rings):
        sign = 1.0 if k % 2 else -1.0
        shading += sign * 0.25 * light.rim_k * np.exp(-(((bent - ring) / 0.09) ** 2))
    return np.asarray(tube.temperature_k + shading, np.float32)
