"""Shapes of moving objects, made of ellipses."""

import math

# x, y, half axes, angle in degrees
Ellipse = tuple[float, float, float, float, float]


def bird(x: float, y: float, size: float, phase: float) -> list[Ellipse]:
    """Body and two beating wings."""
    beat = math.sin(phase)
    half = 0.5 * size
    outline = [(x, y, 0.45 * half, 0.3 * half, 0.0)]
    for side in (-1.0, 1.0):
        lift = 0.6 * half * beat
        angle = math.degrees(math.atan2(-lift, half)) * side
        outline.append((x + side * 0.55 * half, y - 0.5 * lift, 0.6 * half, 0.18 * half, angle))
    return outline


def person(x: float, feet: float, size: float, phase: float) -> list[Ellipse]:
    """Head, trunk, and arms and legs that swing in opposite phase."""
    swing = math.sin(phase)
    outline = [
        (x, feet - 0.91 * size, 0.05 * size, 0.065 * size, 0.0),
        (x, feet - 0.79 * size, 0.12 * size, 0.05 * size, 0.0),
        (x, feet - 0.66 * size, 0.09 * size, 0.18 * size, 0.0),
    ]
    for side in (-1.0, 1.0):
        leg = 0.4 * side * swing
        hip, shoulder = x + 0.04 * side * size, x + 0.1 * side * size
        outline.append(_limb(hip, feet - 0.52 * size, 0.52 * size, 0.055 * size, leg))
        outline.append(_limb(shoulder, feet - 0.82 * size, 0.38 * size, 0.035 * size, -0.8 * leg))
    return outline


def vehicle(x: float, wheels: float, size: float, _: float) -> list[Ellipse]:
    """Body, cabin and two wheels."""
    return [
        (x, wheels - 0.16 * size, 0.5 * size, 0.09 * size, 0.0),
        (x - 0.25 * size, wheels - 0.16 * size, 0.25 * size, 0.1 * size, 0.0),
        (x + 0.25 * size, wheels - 0.16 * size, 0.25 * size, 0.1 * size, 0.0),
        (x, wheels - 0.26 * size, 0.26 * size, 0.12 * size, 0.0),
        (x - 0.3 * size, wheels - 0.07 * size, 0.08 * size, 0.08 * size, 0.0),
        (x + 0.3 * size, wheels - 0.07 * size, 0.08 * size, 0.08 * size, 0.0),
    ]


def speck(x: float, y: float, size: float, phase: float) -> list[Ellipse]:
    """A body with a cross bar: an aeroplane, a drone, or an insect out of focus."""
    half = 0.5 * size
    return [
        (x, y, half, 0.25 * half, 0.0),
        (x + 0.1 * half, y, 0.3 * half, (0.45 + 0.1 * math.sin(phase)) * half, 20.0),
    ]


def _limb(x: float, y: float, length: float, width: float, angle: float) -> Ellipse:
    """An ellipse that hangs from a joint, rotated by an angle in radians."""
    middle = (x + 0.5 * length * math.sin(angle), y + 0.5 * length * math.cos(angle))
    return (*middle, width, 0.5 * length, -math.degrees(angle))
