"""The five categories of footage: distance, background and confusers."""

from dataclasses import dataclass

Range = tuple[float, float]


@dataclass(frozen=True)
class Preset:
    """Parameters of one category.

    Attributes:
        distances_m: distances from camera to source, one of which is drawn.
        hill_probability: fraction of videos with a warm hill as background.
        cloud_contrast_k: range of the contrast between the thickest cloud and the sky.
        cloud_cover: range of the cloudy fraction of the sky, 0-1.
        birds_per_minute: mean number of birds crossing the picture.
        people_per_minute: mean number of people walking through it.
        steam_probability: fraction of videos with a steam vent.
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


# The distances are those of the GasVid videos in each category.
PRESETS: dict[str, Preset] = {
    "close_clear": _clear((4.6,)),
    "medium_clear": _clear((6.9, 9.8)),
    "close_complex": _complex((4.6,)),
    "long_clear": _clear((18.6,)),
    "long_complex": _complex((15.6, 18.6)),
}

CATEGORIES: tuple[str, ...] = tuple(PRESETS)
