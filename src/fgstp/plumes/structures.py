"""Buildings and posts."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fgstp.plumes.canvas import Canvas, polygon
from fgstp.plumes.fields import power_law_field
from fgstp.plumes.view import View

Corners = NDArray[np.float64]  # (N, 2), x and y


def add_buildings(rng: np.random.Generator, view: View, canvas: Canvas) -> None:
    """Draw one to four buildings with windows, the farthest first."""
    rows, columns = view.shape
    for far in sorted(rng.uniform(0.3, 1.0, rng.integers(1, 5)), reverse=True):
        width = columns * rng.uniform(0.2, 0.8) / (1.0 + 2.0 * far)
        height = rows * rng.uniform(0.25, 1.0) / (1.0 + far)
        left = columns * rng.uniform(-0.1, 0.9)
        foot = min(view.horizon_px + rows * rng.uniform(0.0, 0.1), 1.05 * rows)
        _add_building(rng, canvas, (left, foot - height, width, height))


def _add_building(
    rng: np.random.Generator, canvas: Canvas, box: tuple[float, float, float, float]
) -> None:
    left, top, width, height = box
    wall_k = rng.uniform(-4.0, 5.0)
    # Verticals converge, and the roof slants, as seen from the side.
    lean, slant = rng.uniform(-0.04, 0.04) * height, rng.uniform(-0.08, 0.08) * width
    wall = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])

    def placed(corners: Corners) -> Corners:
        x, y = corners[:, 0], corners[:, 1]
        return np.stack(
            [left + width * x + lean * (1.0 - y), top + height * y + slant * (x - 0.5)], axis=-1
        )

    stains = power_law_field(rng, canvas.shape, slope=3.4, largest_px=height / 2)
    canvas.cover(polygon(canvas.shape, placed(wall)), wall_k + 0.3 * stains)
    if rng.random() < 0.5:
        gable = np.array([[-0.04, 0.0], [1.04, 0.0], [0.5, -rng.uniform(0.1, 0.4)]])
        canvas.cover(polygon(canvas.shape, placed(gable)), wall_k + rng.uniform(-4.0, 3.0))
    else:
        parapet = np.array([[-0.01, -0.02], [1.01, -0.02], [1.01, 0.02], [-0.01, 0.02]])
        canvas.cover(polygon(canvas.shape, placed(parapet)), wall_k + rng.uniform(-2.0, 2.0))
    _add_windows(rng, canvas, placed, wall_k)


def _add_windows(
    rng: np.random.Generator, canvas: Canvas, placed: Callable[[Corners], Corners], wall_k: float
) -> None:
    """A grid of windows, which reflect the sky or are lit by a warm room."""
    down, across = rng.integers(1, 6), rng.integers(1, 9)
    size_x, size_y = rng.uniform(0.3, 0.7, 2)
    glass_k = wall_k + rng.uniform(-4.0, 3.0)
    for row in range(down):
        for column in range(across):
            x, y = (column + 0.5) / across, 0.05 + 0.9 * (row + 0.5) / down
            half = np.array([0.5 * size_x / across, 0.45 * size_y / down])
            corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half + np.array([x, y])
            pane_k = glass_k + rng.normal(0.0, 0.5)
            canvas.cover(polygon(canvas.shape, placed(corners)), pane_k)


def add_posts(rng: np.random.Generator, view: View, canvas: Canvas) -> None:
    """Draw lamp posts, masts and fence posts at various distances."""
    rows, columns = view.shape
    post_k = rng.uniform(-3.0, 5.0)
    for _ in range(rng.integers(1, 7)):
        x, near = columns * rng.uniform(0.0, 1.0), rng.uniform(0.1, 1.0)
        foot = view.horizon_px + 0.4 * near**2 * rows
        height, half = rows * rng.uniform(0.3, 0.7) * near, 0.008 * columns * near
        corners = np.array([[x - half, foot - height], [x + half, foot - height]])
        post = np.concatenate([corners, corners[::-1] + np.array([0.0, height])])
        canvas.cover(polygon(view.shape, post), post_k)
        if rng.random() < 0.4:
            head = np.array([[x - 6 * half, foot - height], [x + 6 * half, foot - height]])
            arm = np.concatenate([head, head[::-1] + np.array([0.0, 1.5 * half])])
            canvas.cover(polygon(view.shape, arm), post_k + rng.uniform(-1.0, 2.0))
