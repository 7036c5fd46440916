"""Categories of videos: distance to the leak, and a background that is measured without gas."""

from collections.abc import Sequence

import numpy as np

from fgstp.footage.cutting import Stretch
from fgstp.footage.descriptors import ClipDescriptor
from fgstp.footage.settings import CategorySettings
from fgstp.footage.video import Background

UNKNOWN = "unknown"


def category_name(
    distance_m: float | None, background: Background | None, settings: CategorySettings
) -> str:
    """Name a category, such as `close_complex`; None becomes `unknown`."""
    distance = UNKNOWN
    if distance_m is not None:
        distance = "long" if distance_m >= settings.long_from_m else "medium"
        distance = "close" if distance_m < settings.close_below_m else distance
    return f"{distance}_{background or UNKNOWN}"


def measure_background(
    clips: Sequence[ClipDescriptor], settings: CategorySettings
) -> tuple[Background, float] | None:
    """Measure whether the background of a video is clear or complex.

    Clouds are slow: within a clip they hardly move, but between the clips of some minutes they
    do. So a cell moves if its variance within clips plus that of its appearance between clips
    exceeds `moving_levels` squared.

    Args:
        clips: descriptors of leak-free clips of the video.
        settings: the bound, and the fraction of moving cells that makes a background complex.

    Returns:
        The background and the fraction of moving cells; None without any clip.
    """
    if not clips:
        return None
    within = np.mean([np.square(clip.change) for clip in clips], axis=0)
    between = np.var([clip.appearance for clip in clips], axis=0)
    share = float(np.mean(within + between > settings.moving_levels**2))
    return ("complex" if share >= settings.complex_from_fraction else "clear"), share


class LeakFreeClips:
    """Clips of a video that are known, or taken, to be free of gas.

    Attributes:
        settings: the opening of a video that is taken to be free of gas, and the bounds.
        fps_hz: frame rate.
    """

    def __init__(self, settings: CategorySettings, fps_hz: float) -> None:
        self.settings = settings
        self.fps_hz = fps_hz
        self._descriptors: list[ClipDescriptor] = []
        self._told_by: dict[str, None] = {}  # in order, each once

    def take(self, clip: Stretch, descriptor: ClipDescriptor) -> None:
        """Take a clip, and keep its descriptor if it is free of gas."""
        opening_s = self.settings.opening_s
        if clip.leak_class is not None:
            is_free, told_by = bool((clip.leak_class <= 0).all()), "leak class 0"
        elif len(clip.annotated) and clip.mask_source != "pseudo":
            is_free, told_by = not clip.gas_fraction(), "clips whose masks are empty"
        else:
            is_free = bool(clip.times_s[-1] + 1 / self.fps_hz <= opening_s)
            told_by = f"its first {opening_s:g} s, taken to be free of gas"
        if is_free:
            self._descriptors.append(descriptor)
            self._told_by[told_by] = None

    def background(self, remarks: list[str]) -> Background | None:
        """Measure the background, with a remark where; None, with a remark, without any clip."""
        measured = measure_background(self._descriptors, self.settings)
        if measured is None:
            remarks.append("background unknown: no clip is free of gas; fill it in")
            return None
        background, share = measured
        where = " and ".join(self._told_by)
        remarks.append(f"background measured in {where}: {background}, {share:.1%} of it moves")
        return background
