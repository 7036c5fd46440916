"""Categories of footage: distance of the leak times background of the scene."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from fgstp.footage.descriptors import ClipDescriptor
from fgstp.footage.settings import CategorySettings

Background = Literal["clear", "complex"]
UNKNOWN = "unknown"


def category_name(
    distance_m: float | None, background: Background | None, settings: CategorySettings
) -> str:
    """Name of a category, such as `close_complex`.

    Args:
        distance_m: distance to the leak; None if unknown.
        background: `clear` or `complex`; None if unknown.
        settings: the bounds between close, medium and long.

    Returns:
        Distance and background joined by an underscore, `unknown` for what is not known.
    """
    return f"{_distance_name(distance_m, settings)}_{background or UNKNOWN}"


def _distance_name(distance_m: float | None, settings: CategorySettings) -> str:
    if distance_m is None:
        return UNKNOWN
    if distance_m < settings.close_below_m:
        return "close"
    return "long" if distance_m >= settings.long_from_m else "medium"


def measure_background(
    clips: Sequence[ClipDescriptor], settings: CategorySettings
) -> tuple[Background, float] | None:
    """Tell a clear background from a complex one by how much of it moves without a leak.

    Clouds are slow: within a clip they hardly move, but between the clips of some
    minutes they do. So a cell moves if its variance within clips plus that of its
    appearance between them exceeds the square of a bound.

    Args:
        clips: descriptors of leak-free clips of one video.
        settings: the bound, and the share of moving cells that makes a background complex.

    Returns:
        The background and the share of moving cells; None without any clip.
    """
    if not clips:
        return None
    within = np.mean([np.square(clip.change) for clip in clips], axis=0)
    between = np.var([clip.appearance for clip in clips], axis=0)
    share = float(np.mean(within + between > settings.moving_levels**2))
    return ("complex" if share >= settings.complex_from_fraction else "clear"), share
