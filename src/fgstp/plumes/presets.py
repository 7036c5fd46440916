"""What sets the five categories of footage apart: distance, background, confusers."""

from dataclasses import dataclass

Range = tuple[float, float]


@dataclass(frozen=True)
class Preset:
    """One category of scenes.

    Attributes:
        distances_m: camera to source; one is drawn.
        hill_probability: share of videos that look against a warm hill.
        cloud_contrast_k: contrast of the thickest cloud with the sky behind it; drawn.
        cloud_cover: share of the sky under clouds, 0-1; drawn.
        birds_per_minute: mean number of birds that cross the picture.
        people_per_minute: mean number of people that walk through it.
        steam_probability: share of videos with a steam vent.
    """

    distances_m: tuple[float, ...]
    hill_probability: float
    cloud_contrast_k: Range
    cloud_cover: Range
    birds_per_minute: float
    people_per_minute: float
    steam_probability: float


def _clear(distances_m: tuple[float, ...]) -> Preset:
    return Preset(
        distances_m=distances_m,
        hill_probability=0.25,
        cloud_contrast_k=(0.1, 0.5),
        cloud_cover=(0.1, 0.3),
        birds_per_minute=0.5,
        people_per_minute=0.3,
        steam_probability=0.0,
    )


def _complex(distances_m: tuple[float, ...]) -> Preset:
    return Preset(
        distances_m=distances_m,
        hill_probability=0.25,
        cloud_contrast_k=(0.8, 2.2),
        cloud_cover=(0.25, 0.5),
        birds_per_minute=6.0,
        people_per_minute=3.0,
        steam_probability=0.35,
    )


# Distances of the GasVid videos that the categories are named after.
PRESETS: dict[str, Preset] = {
    "close_clear": _clear((4.6,)),
    "medium_clear": _clear((6.9, 9.8)),
    "close_complex": _complex((4.6,)),
    "long_clear": _clear((18.6,)),
    "long_complex": _complex((15.6, 18.6)),
}

CATEGORIES: tuple[str, ...] = tuple(PRESETS)
