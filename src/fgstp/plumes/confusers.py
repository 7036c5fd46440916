"""What may be confused with a leak: clouds, steam, plumes that do not move, birds and people."""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from fgstp.plumes.camera import Preset, View
from fgstp.plumes.fields import FloatImage, moved, power_law_field
from fgstp.plumes.leak import LEAK_RATES_G_PER_H, Leak, Plume, seen_through
from fgstp.plumes.wind import Air

_EXTINCTION_M2_PER_G = 1.0  # of droplets, which are far more opaque than gas
_GROWTH_S = (5.0, 10.0)
# Fixed, so that the frame rate of a video does not change its still plumes.
_GROWTH_STEPS_PER_S = 15
_GROWTH_SUB_STEPS = 2

Ellipse = tuple[float, float, float, float, float]  # x, y, half axes, angle in degrees


class Clouds:
    """Clouds, as bright as gas, that drift behind it and slowly change.

    Patches (large scale) times texture (small scale). The two drift at slightly different
    speeds, so that clouds form and dissolve and never repeat.
    """

    def __init__(
        self, rng: np.random.Generator, shape: tuple[int, int], preset: Preset, step_s: float
    ) -> None:
        rows, columns = shape
        self._contrast_k = np.float32(rng.uniform(*preset.cloud_contrast_k))
        cover = rng.uniform(*preset.cloud_cover)
        shapes = {"stretch": rng.uniform(1.5, 3.0), "angle": rng.uniform(-1.0, 1.0)}
        patches = power_law_field(rng, shape, slope=4.0, largest_px=columns / 4, **shapes)
        threshold = np.quantile(patches, 1.0 - cover)
        self._patches = np.clip((patches - threshold) / 1.5, 0.0, 1.0).astype(np.float32)
        texture = power_law_field(rng, shape, slope=3.3, largest_px=rows / 6, **shapes)
        self._texture = np.clip(0.5 + 0.5 * texture, 0.0, 1.5).astype(np.float32)
        angle = rng.uniform(0.0, 2.0 * math.pi)
        # 3-15 pixels per second at a width of 320 pixels.
        speed = rng.uniform(0.01, 0.05) * columns * step_s
        self._velocity = speed * np.array([math.cos(angle), 0.3 * math.sin(angle)])
        self._offset = np.zeros(2)

    def step(self) -> FloatImage:
        """Advance by one frame; returns kelvin to be added to the clear sky, float32 (H, W)."""
        self._offset += self._velocity
        size = self._patches.shape[::-1]
        patches = moved(self._patches, self._offset % size, periodic=True)
        texture = moved(self._texture, 1.25 * self._offset % size, periodic=True)
        return self._contrast_k * patches * texture


class Steam:
    """A vent of warm, opaque steam that evaporates within seconds; most videos have none."""

    def __init__(
        self, rng: np.random.Generator, view: View, preset: Preset, sub_step_s: float
    ) -> None:
        rows, columns = view.shape
        self._plume: Plume | None = None
        self._temperature_k = rng.uniform(0.0, 5.0)
        self._rate_g_per_s = rng.uniform(0.05, 0.15)
        vent = (columns * rng.uniform(0.1, 0.9), rows * rng.uniform(0.75, 0.95))
        if rng.random() < preset.steam_probability:
            self._plume = Plume(
                rng,
                replace(view, source_xy_px=vent),
                mouth_m=rng.uniform(0.02, 0.04),
                sub_step_s=sub_step_s,
                lifetime_s=rng.uniform(0.5, 2.0),
            )

    def step(self, departures_px: list[FloatImage]) -> None:
        """Advect the steam by one sub-step and release more, see `Plume.step`."""
        if self._plume is not None:
            self._plume.step(departures_px, self._rate_g_per_s)

    def in_front_of(self, background_k: FloatImage) -> FloatImage:
        """Apparent temperatures, float32 (H, W), of a background with the steam in front."""
        if self._plume is None:
            return background_k
        opacity = -np.expm1(-np.float32(_EXTINCTION_M2_PER_G) * self._plume.column_g_per_m2)
        return seen_through(background_k, opacity, self._temperature_k)


class StillPlumes:
    """Plumes that do not move: each is a leak that grew in its own wind and was then frozen.

    They do not occur in reality. They serve for footage in which motion is the only cue. Position
    and release rate of each are random. As with any leak, one may be invisible by chance: little
    gas, or gas as warm as its background.
    """

    def __init__(self, rng: np.random.Generator, view: View, n_plumes: int) -> None:
        leaks = [_grown(rng, view) for _ in range(n_plumes)]
        self._frozen = [(leak.absorbed(), leak.temperature_k) for leak in leaks]

    def in_front_of(self, background_k: FloatImage) -> FloatImage:
        """Apparent temperatures, float32 (H, W), of a background seen through all plumes."""
        for absorbed, gas_k in self._frozen:
            background_k = seen_through(background_k, absorbed, gas_k)
        return background_k


def _grown(rng: np.random.Generator, view: View) -> Leak:
    """A leak after 5 to 10 seconds."""
    step_s = 1.0 / _GROWTH_STEPS_PER_S
    sub_step_s = step_s / _GROWTH_SUB_STEPS
    rows, columns = view.shape
    source = (columns * rng.uniform(0.1, 0.9), rows * rng.uniform(0.4, 0.8))
    rate_g_per_h = float(rng.choice(LEAK_RATES_G_PER_H[1:]))
    air = Air(rng, view, step_s, sub_step_s)
    leak = Leak(rng, replace(view, source_xy_px=source), sub_step_s)
    for _ in range(round(rng.uniform(*_GROWTH_S) * _GROWTH_STEPS_PER_S)):
        departures_px = air.step()
        for _ in range(_GROWTH_SUB_STEPS):
            leak.step(departures_px, rate_g_per_h)
    return leak


@dataclass
class _Walker:
    """An object that crosses the picture."""

    position_px: NDArray[np.float64]
    velocity_px_per_s: NDArray[np.float64]
    size_px: float
    temperature_k: float
    rhythm_hz: float
    age_s: float = 0.0


class Traffic:
    """Flying birds and walking people that cross the picture from side to side."""

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
            walker.position_px += walker.velocity_px_per_s * self._step_s
        self._birds = [bird for bird in self._birds if self._is_inside(bird)]
        self._people = [person for person in self._people if self._is_inside(person)]
        for bird in self._birds:
            _draw(temperature_k, backdrop, _bird_outline(bird), bird)
        for person in self._people:
            _draw(temperature_k, backdrop, _person_outline(person), person)

    def _is_inside(self, walker: _Walker) -> bool:
        margin = 2.0 * walker.size_px
        return bool(-margin <= walker.position_px[0] <= self._view.shape[1] + margin)

    def _enter(self, y: float, speed: float, size: float) -> tuple[NDArray[np.float64], float]:
        """A position just outside the left or right edge and the speed inwards."""
        if self._rng.random() < 0.5:
            return np.array([-1.9 * size, y]), speed
        return np.array([self._view.shape[1] + 1.9 * size, y]), -speed

    def _new_bird(self) -> _Walker:
        rng, (rows, columns) = self._rng, self._view.shape
        size = rng.uniform(3.0, 9.0) * columns / 320
        y, speed = rows * rng.uniform(0.05, 0.6), columns * rng.uniform(0.1, 0.45)
        position, vx = self._enter(y, speed, size)
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
        warmth_k = rng.uniform(0.0, 3.0) + (5.0 if self._view.hill else 0.0)
        return _Walker(position, np.array([vx, 0.0]), size, warmth_k, rng.uniform(0.8, 1.1))


def _bird_outline(bird: _Walker) -> list[Ellipse]:
    """Body and two beating wings."""
    x, y = bird.position_px
    beat = math.sin(2.0 * math.pi * bird.rhythm_hz * bird.age_s)
    half = 0.5 * bird.size_px
    outline = [(x, y, 0.45 * half, 0.3 * half, 0.0)]
    for side in (-1.0, 1.0):
        lift = 0.6 * half * beat
        angle = math.degrees(math.atan2(-lift, half)) * side
        outline.append((x + side * 0.55 * half, y - 0.5 * lift, 0.6 * half, 0.18 * half, angle))
    return outline


def _person_outline(person: _Walker) -> list[Ellipse]:
    """Head, trunk, and arms and legs that swing in opposite phase."""
    x, feet = person.position_px
    size = person.size_px
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


def _limb(x: float, y: float, length: float, width: float, angle: float) -> Ellipse:
    """An ellipse that hangs from a joint, rotated by an angle in radians."""
    middle = (x + 0.5 * length * math.sin(angle), y + 0.5 * length * math.cos(angle))
    return (*middle, width, 0.5 * length, -math.degrees(angle))


def _draw(
    temperature_k: FloatImage, backdrop: FloatImage, outline: list[Ellipse], walker: _Walker
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
