"""A hall or a boiler room."""

import numpy as np

from fgstp.plumes.canvas import Canvas, polygon
from fgstp.plumes.fields import power_law_field
from fgstp.plumes.view import View


def room(rng: np.random.Generator, view: View) -> Canvas:
    """Draw a wall with panels, windows, ducts and warm cabinets, and the floor."""
    rows = view.shape[0]
    down = np.linspace(0.0, 1.0, rows, dtype=np.float32)[:, None]
    # Warm air rises to the ceiling.
    stains = power_law_field(rng, view.shape, slope=3.6, largest_px=rows / 2)
    wall_k = rng.uniform(-1.0, 3.0)
    canvas = Canvas(np.asarray(wall_k - rng.uniform(0.0, 2.0) * down + 0.2 * stains, np.float32))
    canvas.sky[:] = 0.0
    _add_seams(rng, canvas)
    for _ in range(rng.integers(0, 4)):
        _add_box(rng, canvas, wall_k + rng.uniform(-5.0, 2.0), y=(0.05, 0.4))
    _add_floor(rng, view, canvas, wall_k + rng.uniform(-2.0, 1.0))
    for _ in range(rng.integers(1, 6)):
        _add_box(rng, canvas, wall_k + rng.exponential(3.0), y=(0.3, 0.8))
    for _ in range(rng.integers(0, 5)):
        _add_duct(rng, canvas, wall_k + rng.uniform(-3.0, 8.0))
    return canvas


def _add_seams(rng: np.random.Generator, canvas: Canvas) -> None:
    """Joints between the panels of the wall."""
    columns = canvas.shape[1]
    spacing = columns * rng.uniform(0.08, 0.3)
    place = (np.arange(columns) + rng.uniform(0.0, spacing)) % spacing
    canvas.temperature_k += rng.uniform(-0.8, 0.8) * (place < 2.0).astype(np.float32)


def _add_floor(rng: np.random.Generator, view: View, canvas: Canvas, floor_k: float) -> None:
    rows, columns = view.shape
    slant = rng.uniform(-0.1, 0.1) * rows
    edge = np.array([[0.0, view.horizon_px], [columns, view.horizon_px + slant]])
    floor = np.concatenate([edge, [[columns, 2.0 * rows], [0.0, 2.0 * rows]]])
    texture = power_law_field(rng, view.shape, slope=3.0, largest_px=rows / 4, stretch=3.0)
    canvas.cover(polygon(view.shape, floor), floor_k + 0.3 * texture)


def _add_box(
    rng: np.random.Generator, canvas: Canvas, box_k: float, y: tuple[float, float]
) -> None:
    """A cabinet, a motor or a window, with panels of their own temperatures."""
    rows, columns = canvas.shape
    left, top = columns * rng.uniform(-0.1, 0.95), rows * rng.uniform(*y)
    width, height = columns * rng.uniform(0.05, 0.25), rows * rng.uniform(0.1, 0.4)
    for _ in range(rng.integers(1, 4)):
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height]])
        canvas.cover(polygon(canvas.shape, corners + np.array([left, top])), box_k)
        left, top = left + width * rng.uniform(0.05, 0.4), top + height * rng.uniform(0.05, 0.4)
        width, height = 0.5 * width, 0.4 * height
        box_k += rng.uniform(-1.5, 2.0)


def _add_duct(rng: np.random.Generator, canvas: Canvas, duct_k: float) -> None:
    """A pipe or a duct along the wall, round."""
    rows, columns = canvas.shape
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    upright = rng.random() < 0.4
    size, across = (columns, x) if upright else (rows, y)
    half = size * rng.uniform(0.008, 0.05)
    place = (across - size * rng.uniform(0.05, 0.9)) / np.float32(half)
    round_k = duct_k + 1.5 * np.sqrt(np.clip(1.0 - place**2, 0.0, 1.0))
    canvas.cover(np.clip((1.0 - np.abs(place)) * half, 0.0, 1.0), round_k)
