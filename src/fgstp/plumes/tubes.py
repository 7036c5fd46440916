"""Tubes, of which equipment is made, and how their round surfaces look in the infrared."""

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgstp.plumes.fields import FloatImage

Point = tuple[float, float]


@dataclass(frozen=True)
class Tube:
    """A pipe or a tank; with a single point, a ball.

    Attributes:
        points: centre line, x and y in pixels, one point or more; bends are round.
        radius_px: half of the width.
        temperature_k: of the surface that faces the camera, relative to the air.
        end_flatness: 1 for round ends, higher for flat ones; 2-3 for the dome of a tank.
        rings: distances of welds and flanges from the first point, in radii.
    """

    points: tuple[Point, ...]
    radius_px: float
    temperature_k: float
    end_flatness: float
    rings: tuple[float, ...] = ()


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
