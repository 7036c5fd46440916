"""Moving objects that are not gas: birds and people."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fgstp.plumes.fields import FloatImage
from fgstp.plumes.view import Preset, View


@dataclass
class _Walker:
    """An object that crosses the picture; lengths in pixels, times in seconds."""

    position: NDArray[np.float64]
    velocity: NDArray[np.float64]
    size: float
    temperature_k: float
    rhythm_hz: float
    age_s: float = 0.0


class Traffic:
    """Flying birds and walking people that cross the picture from side to side.

    Args:
        rng: random generator.
        view: position of source and horizon.
        preset: how many birds and people cross in a minute.
        step_s: time between two frames.
    """

    def __init__(self, rng: np.random.Generator, view: View, preset: Preset, step_s: float) -> None:
        self._rng, self._view, self._preset, self._step_s = rng, view, preset, step_s
        self._birds: list[_Walker] = []
        self._people: list[_Walker] = []

    def step(self, temperature_k: FloatImage, backdrop: FloatImage) -> None:
        """Move all objects by one frame and draw them behind the equipment.

        Args:
            temperature_k: float32 (H, W), changed in place.
            backdrop: float32 (H, W), 0-1, fraction of each pixel that equipment does not hide.
        """
        minutes = self._step_s / 60.0
        if self._rng.random() < self._preset.birds_per_minute * minutes:
            self._birds.append(self._new_bird())
        if self._rng.random() < self._preset.people_per_minute * minutes:
            self._people.append(self._new_person())
        for walker in (*self._birds, *self._people):
            walker.age_s += self._step_s
            walker.position += walker.velocity * self._step_s
        self._birds = [bird for bird in self._birds if self._is_inside(bird)]
        self._people = [person for person in self._people if self._is_inside(person)]
        for bird in self._birds:
            _draw(temperature_k, backdrop, _bird_outline(bird), bird)
        for person in self._people:
            _draw(temperature_k, backdrop, _person_outline(person), person)

    def _is_inside(self, walker: _Walker) -> bool:
        margin = 2.0 * walker.size
        return bool(-margin <= walker.position[0] <= self._view.shape[1] + margin)

    def _enter(self, y: float, speed: float, size: float) -> tuple[NDArray[np.float64], float]:
        """Returns a position just outside the left or right edge and the speed inwards."""
        if self._rng.random() < 0.5:
            return np.array([-1.9 * size, y]), speed
        return np.array([self._view.shape[1] + 1.9 * size, y]), -speed

    def _new_bird(self) -> _Walker:
        rng, (rows, columns) = self._rng, self._view.shape
        size = rng.uniform(3.0, 9.0) * columns / 320
        y = rows * rng.uniform(0.05, 0.6)
        position, vx = self._enter(y, columns * rng.uniform(0.1, 0.45), size)
        velocity = np.array([vx, 0.25 * vx * rng.uniform(-1.0, 1.0)])
        return _Walker(position, velocity, size, rng.uniform(-4.0, 2.0), rng.uniform(3.0, 8.0))

    def _new_person(self) -> _Walker:
        rng, (rows, _) = self._rng, self._view.shape
        # People walk behind the equipment, 3 to 5 times as far away as the source.
        size = 1.7 / self._view.pixel_m / rng.uniform(3.0, 5.0)
        # Without ground in view, only head and shoulders show at the lower edge.
        feet = rows + size * rng.uniform(0.4, 0.7)
        if self._view.horizon_px < rows:
            feet = rows * rng.uniform(0.97, 1.05)
        position, vx = self._enter(feet, 0.8 * size * rng.uniform(0.7, 1.0), size)
        velocity = np.array([vx, 0.0])
        warmth_k = rng.uniform(0.0, 3.0) + (5.0 if self._view.hill else 0.0)
        return _Walker(position, velocity, size, warmth_k, rng.uniform(0.8, 1.1))


Outline = list[tuple[float, float, float, float, float]]  # x, y, half axes, angle in degrees


def _bird_outline(bird: _Walker) -> Outline:
    """Body and two beating wings."""
    x, y = bird.position
    beat = math.sin(2.0 * math.pi * bird.rhythm_hz * bird.age_s)
    half = 0.5 * bird.size
    outline = [(x, y, 0.45 * half, 0.3 * half, 0.0)]
    for side in (-1.0, 1.0):
        lift = 0.6 * half * beat
        angle = math.degrees(math.atan2(-lift, half)) * side
        outline.append((x + side * 0.55 * half, y - 0.5 * lift, 0.6 * half, 0.18 * half, angle))
    return outline


def _person_outline(person: _Walker) -> Outline:
    """Head, trunk, and arms and legs that swing in opposite phase."""
    x, feet = person.position
    size = person.size
    swing = math.sin(2.0 * math.pi * person.rhythm_hz * person.age_s)
    outline = [
        (x, feet - 0.91 * size, 0.05 * size, 0.065 * size, 0.0),
        (x, feet - 0.79 * size, 0.12 * size, 0.05 * size, 0.0),
        (x, feet - 0.66 * size, 0.09 * size, 0.18 * size, 0.0),
    ]
    for phase in (-1.0, 1.0):
        leg = 0.4 * phase * swing
        hip, shoulder = x + 0.04 * phase * size, x + 0.1 * phase * size
        outline.append(_limb(hip, feet - 0.52 * size, 0.52 * size, 0.055 * size, leg))
        outline.append(_limb(shoulder, feet - 0.82 * size, 0.38 * size, 0.035 * size, -0.8 * leg))
    return outline


def _limb(
    x: float, y: float, length: float, width: float, angle: float
) -> tuple[float, float, float, float, float]:
    """An ellipse that hangs from a joint, rotated by an angle in radians."""
    middle = (x + 0.5 * length * math.sin(angle), y + 0.5 * length * math.cos(angle))
    return (*middle, width, 0.5 * length, -math.degrees(angle))


def _draw(
    temperature_k: FloatImage, backdrop: FloatImage, outline: Outline, walker: _Walker
) -> None:
    """Draw ellipses of one temperature with smooth edges."""
    cover = np.zeros(temperature_k.shape, np.uint8)
    for x, y, half_x, half_y, angle in outline:
        # OpenCV takes coordinates as integers with 4 fractional bits.
        centre = (round(16 * x), round(16 * y))
        axes = (max(8, round(16 * half_x)), max(8, round(16 * half_y)))
        cv2.ellipse(cover, centre, axes, angle, 0, 360, 255, -1, cv2.LINE_AA, 4)
    rows, columns = np.nonzero(cover.any(axis=1))[0], np.nonzero(cover.any(axis=0))[0]
    if rows.size:
        box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        alpha = cover[box] * backdrop[box] * np.float32(1.0 / 255.0)
        temperature_k[box] += alpha * (np.float32(walker.temperature_k) - temperature_k[box])
