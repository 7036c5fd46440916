"""Trees: a line at the horizon, crowns, and bare branches."""

import math
from typing import NamedTuple

import cv2
import numpy as np

from fgstp.plumes.canvas import Canvas
from fgstp.plumes.fields import FloatImage, GreyImage, power_law_field
from fgstp.plumes.view import View

_SHORTEST_BRANCH_PX = 6.0


def add_tree_line(rng: np.random.Generator, view: View, canvas: Canvas, *, height: float) -> None:
    """Draw a wood along the horizon, `height` of the picture high."""
    rows, columns = view.shape
    tops = _tops(rng, columns, rows * height)
    ridge = power_law_field(rng, (1, columns), slope=4.5, largest_px=columns / 2)[0]
    edge = view.horizon_px - tops - 0.3 * rows * height * ridge
    depth = np.arange(rows, dtype=np.float32)[:, None] - edge.astype(np.float32)[None, :]
    alpha = np.clip(depth * rng.uniform(0.2, 0.8), 0.0, 1.0)
    trunks = power_law_field(
        rng, view.shape, slope=2.2, largest_px=rows * height, stretch=6.0, angle=math.pi / 2
    )
    leaves = power_law_field(rng, view.shape, slope=2.0, largest_px=rows * height / 4)
    texture = rng.uniform(0.2, 1.2) * trunks + rng.uniform(0.2, 0.8) * leaves
    canvas.cover(alpha, rng.uniform(-2.0, 4.0) + texture, vegetation=0.3)


def _tops(rng: np.random.Generator, columns: int, height_px: float) -> FloatImage:
    """Height of the wood in each column: the highest of many round crowns, float32 (W,)."""
    count = max(8, round(columns / max(1.0, 0.5 * height_px)))
    x = np.arange(columns, dtype=np.float32)[:, None]
    middle = rng.uniform(0.0, columns, count)
    width = height_px * rng.uniform(0.2, 0.6, count)
    top = height_px * rng.uniform(0.5, 1.1, count)
    crowns = top * np.sqrt(np.clip(1.0 - ((x - middle) / width) ** 2, 0.0, 1.0))
    fringe = power_law_field(rng, (1, columns), slope=1.2, largest_px=columns / 60)[0]
    return np.asarray(crowns.max(axis=1) + 0.08 * height_px * fringe, np.float32)


def add_crowns(rng: np.random.Generator, view: View, canvas: Canvas) -> None:
    """Draw some large crowns with gaps in the leaves, each with its trunk."""
    for _ in range(rng.integers(1, 5)):
        _add_crown(rng, view, canvas)


def _add_crown(rng: np.random.Generator, view: View, canvas: Canvas) -> None:
    rows, columns = view.shape
    x, y = columns * rng.uniform(-0.05, 1.05), rows * rng.uniform(0.1, 0.7)
    radius = rows * rng.uniform(0.12, 0.4)
    grid_y, grid_x = np.mgrid[:rows, :columns].astype(np.float32)
    inside = 1.0 - np.hypot((grid_x - x) / rng.uniform(0.7, 1.3), grid_y - y) / radius
    edge = power_law_field(rng, view.shape, slope=2.4, largest_px=radius)
    alpha = np.clip((inside + 0.22 * edge) * rng.uniform(4.0, 12.0), 0.0, 1.0)
    warm_k = rng.uniform(-1.5, 3.0)
    trunk = np.clip(radius * 0.08 - np.abs(grid_x - x - 3.0 * edge), 0.0, 1.0)
    canvas.cover(trunk * (grid_y > y), warm_k + rng.uniform(-1.0, 1.0))
    leaves = power_law_field(rng, view.shape, slope=2.0, largest_px=radius / 4)
    shade = power_law_field(rng, view.shape, slope=3.2, largest_px=radius / 2)
    texture = rng.uniform(0.2, 0.8) * leaves + rng.uniform(0.2, 0.8) * shade
    canvas.cover(alpha, warm_k + texture, vegetation=1.0)


def add_bare_trees(rng: np.random.Generator, view: View, canvas: Canvas) -> None:
    """Draw trees without leaves."""
    rows, columns = view.shape
    cover = np.zeros(view.shape, np.uint8)
    for _ in range(rng.integers(1, 5)):
        root = columns * rng.uniform(-0.05, 1.05), rows * rng.uniform(0.8, 1.1)
        trunk = _Branch(*root, -math.pi / 2, rows * rng.uniform(0.08, 0.2), rng.uniform(4, 9))
        _grow(rng, cover, trunk)
    alpha = cover.astype(np.float32) / np.float32(255.0)
    canvas.cover(alpha, rng.uniform(0.0, 5.0), vegetation=1.0)


class _Branch(NamedTuple):
    """Foot, direction in radians, length and width in pixels."""

    x: float
    y: float
    angle: float
    length: float
    width: float


def _grow(rng: np.random.Generator, cover: GreyImage, branch: _Branch) -> None:
    """Draw a branch and all that grows from its tip."""
    x = branch.x + branch.length * math.cos(branch.angle)
    y = branch.y + branch.length * math.sin(branch.angle)
    ends = ((round(16 * branch.x), round(16 * branch.y)), (round(16 * x), round(16 * y)))
    cv2.line(cover, *ends, 255, max(1, round(branch.width)), cv2.LINE_AA, 4)
    if branch.length < _SHORTEST_BRANCH_PX:
        return
    for _ in range(rng.integers(2, 4)):
        angle = branch.angle + rng.normal(0.0, 0.5)
        length = branch.length * rng.uniform(0.6, 0.85)
        _grow(rng, cover, _Branch(x, y, angle, length, 0.65 * branch.width))
