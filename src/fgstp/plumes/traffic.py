"""Traffic: birds, people, vehicles, aircraft and insects that cross the picture."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fgstp.plumes.conditions import Surroundings
from fgstp.plumes.fields import FloatImage, blurred
from fgstp.plumes.outlines import Ellipse, bird, person, speck, vehicle
from fgstp.plumes.view import View


@dataclass
class Mover:
    """An object that crosses the picture.

    Attributes:
        outline: its shape, from its position, its size, and a phase in radians.
        position_px: x and y.
        velocity_px_per_s: right and down.
        size_px: largest extent.
        temperature_k: relative to the air.
        rhythm_hz: of wings or steps.
        blur_px: blur of what is close to the lens, and hence in front of everything; 0 for
            what moves behind the equipment.
        pauses: whether it may stand still for a while.
    """

    outline: Callable[[float, float, float, float], list[Ellipse]]
    position_px: NDArray[np.float64]
    velocity_px_per_s: NDArray[np.float64]
    size_px: float
    temperature_k: float
    rhythm_hz: float = 1.0
    blur_px: float = 0.0
    pauses: bool = False
    phase: float = 0.0
    rest_s: float = 0.0


class Traffic:
    """All that crosses the picture from side to side."""

    def __init__(
        self, rng: np.random.Generator, view: View, surroundings: Surroundings, step_s: float
    ) -> None:
        self._rng, self._view, self._step_s = rng, view, step_s
        self._movers: list[Mover] = []
        outdoor = view.scene != "indoor"
        self._kinds = (
            (self._birds, outdoor * surroundings.birds_per_minute),
            (self._people, surroundings.people_per_minute),
            (self._vehicles, outdoor * surroundings.vehicles_per_minute),
            (self._aircraft, outdoor * surroundings.aircraft_per_minute),
            (self._insects, surroundings.insects_per_minute),
        )

    def in_front_of(self, background_k: FloatImage, backdrop: FloatImage) -> FloatImage:
        """Move all objects by one frame; returns the background with them, float32 (H, W).

        Args:
            background_k: float32 (H, W); returned as it is if there is nothing in front of it.
            backdrop: float32 (H, W), 0-1, fraction of each pixel that equipment does not hide.
        """
        for enter, per_minute in self._kinds:
            if self._rng.random() < per_minute * self._step_s / 60.0:
                self._movers += enter()
        for mover in self._movers:
            self._move(mover)
        self._movers = [mover for mover in self._movers if self._is_inside(mover)]
        if not self._movers:
            return background_k
        picture = background_k.copy()
        for mover in self._movers:
            _draw(picture, backdrop, mover)
        return picture

    def _move(self, mover: Mover) -> None:
        if mover.rest_s > 0.0:
            mover.rest_s -= self._step_s
            return
        if mover.pauses and self._rng.random() < 0.05 * self._step_s:
            mover.rest_s = self._rng.uniform(1.0, 30.0)
        mover.phase += 2.0 * math.pi * mover.rhythm_hz * self._step_s
        mover.position_px += mover.velocity_px_per_s * self._step_s

    def _is_inside(self, mover: Mover) -> bool:
        margin = 2.0 * mover.size_px
        return bool(-margin <= mover.position_px[0] <= self._view.shape[1] + margin)

    def _enter(self, y: float, speed: float, size: float) -> tuple[NDArray[np.float64], float]:
        """A position just outside the left or right edge and the speed inwards."""
        if self._rng.random() < 0.5:
            return np.array([-1.9 * size, y]), speed
        return np.array([self._view.shape[1] + 1.9 * size, y]), -speed

    def _fly(self, size: float, speed: float, slope: float) -> tuple[NDArray[np.float64], ...]:
        """Position and velocity of something that crosses the sky."""
        rows, columns = self._view.shape
        position, vx = self._enter(rows * self._rng.uniform(0.05, 0.6), columns * speed, size)
        return position, np.array([vx, slope * vx * self._rng.uniform(-1.0, 1.0)])

    def _birds(self) -> list[Mover]:
        """A bird, or sometimes a flock."""
        rng = self._rng
        size, speed = rng.uniform(3.0, 9.0) * self._view.shape[1] / 320, rng.uniform(0.1, 0.45)
        place, way = self._fly(size, speed, 0.25)
        warmth_k = rng.uniform(-4.0, 2.0)
        count = int(rng.integers(3, 15)) if rng.random() < 0.15 else 1
        heights = place[1] + rng.normal(0.0, 6.0 * size, count) * (count > 1)
        return [
            Mover(
                bird,
                np.array([place[0], y]),
                way * rng.uniform(0.7, 1.3),
                size,
                warmth_k,
                rng.uniform(3.0, 8.0),
            )
            for y in heights
        ]

    def _aircraft(self) -> list[Mover]:
        """An aeroplane or a drone, small and steady."""
        rng = self._rng
        size = rng.uniform(2.0, 10.0) * self._view.shape[1] / 320
        place, way = self._fly(size, float(np.exp(rng.uniform(*np.log([0.01, 0.2])))), 0.3)
        return [Mover(speck, place, way, size, rng.uniform(-2.0, 8.0))]

    def _insects(self) -> list[Mover]:
        """An insect close to the lens: large, blurred and fast."""
        rng = self._rng
        size = rng.uniform(6.0, 40.0) * self._view.shape[1] / 320
        place, way = self._fly(size, rng.uniform(0.5, 3.0), 1.0)
        warmth_k = rng.uniform(-2.0, 6.0)
        return [Mover(speck, place, way, size, warmth_k, rng.uniform(5, 20), 0.3 * size)]

    def _people(self) -> list[Mover]:
        rng, rows = self._rng, self._view.shape[0]
        # People walk behind the equipment, 3 to 5 times as far away as the source.
        size = min(1.7 / self._view.pixel_m / rng.uniform(3.0, 5.0), 0.7 * rows)
        position, vx = self._enter(self._feet(size), 0.8 * size * rng.uniform(0.7, 1.0), size)
        warmth_k = rng.uniform(0.0, 3.0) + (5.0 if self._view.scene == "hill" else 0.0)
        way, rhythm_hz = np.array([vx, 0.0]), rng.uniform(0.8, 1.1)
        return [Mover(person, position, way, size, warmth_k, rhythm_hz, pauses=True)]

    def _vehicles(self) -> list[Mover]:
        rng, columns = self._rng, self._view.shape[1]
        size = min(4.5 / self._view.pixel_m / rng.uniform(3.0, 12.0), 0.9 * columns)
        feet = self._feet(0.5 * size)
        position, vx = self._enter(feet, size * rng.uniform(0.3, 2.5), size)
        warmth_k = rng.uniform(-3.0, 6.0)
        return [Mover(vehicle, position, np.array([vx, 0.0]), size, warmth_k, pauses=True)]

    def _feet(self, size: float) -> float:
        """Row of the feet or the wheels."""
        rows = self._view.shape[0]
        horizon = self._view.horizon_px
        if horizon >= rows:  # without ground in view, only the upper part shows
            return rows + size * self._rng.uniform(0.4, 0.7)
        if self._view.scene in ("plant", "hill"):
            return rows * self._rng.uniform(0.97, 1.05)
        return self._rng.uniform(min(horizon + 0.3 * size, rows), 1.05 * rows)


def _draw(temperature_k: FloatImage, backdrop: FloatImage, mover: Mover) -> None:
    """Draw the ellipses of an object with smooth edges, in place."""
    cover = np.zeros(temperature_k.shape, np.uint8)
    x, y = mover.position_px
    for x_px, y_px, half_x, half_y, angle in mover.outline(x, y, mover.size_px, mover.phase):
        # OpenCV takes coordinates as integers with 4 fractional bits.
        centre = (round(16 * x_px), round(16 * y_px))
        axes = (max(8, round(16 * half_x)), max(8, round(16 * half_y)))
        cv2.ellipse(cover, centre, axes, angle, 0, 360, 255, -1, cv2.LINE_AA, 4)
    rows, columns = np.nonzero(cover.any(axis=1))[0], np.nonzero(cover.any(axis=0))[0]
    if not rows.size:
        return
    margin = math.ceil(3.0 * mover.blur_px)
    box = np.s_[
        max(0, rows[0] - margin) : rows[-1] + 1 + margin,
        max(0, columns[0] - margin) : columns[-1] + 1 + margin,
    ]
    alpha = cover[box] * np.float32(1.0 / 255.0)
    # What is close to the lens is blurred, and nothing hides it.
    alpha = blurred(alpha, mover.blur_px) if mover.blur_px > 0.0 else alpha * backdrop[box]
    temperature_k[box] += alpha * (np.float32(mover.temperature_k) - temperature_k[box])
