"""Source 1: synthetic plumes, which need no data."""

from collections.abc import Iterator

from fgstp.footage.settings import SyntheticSettings
from fgstp.footage.synthetic_footage import SyntheticFootage
from fgstp.footage.video import Split, Video
from fgstp.plumes import CATEGORIES

SEEDS_PER_PROJECT_SEED = 10_000
FIRST_TEST_SEED = 5_000  # so that more training videos do not change the test videos


def find_synthetic(settings: SyntheticSettings, seed: int) -> list[Video]:
    """Videos of all five categories, some for training and some for testing.

    Args:
        settings: how many, how long, how large.
        seed: of the project; each video gets one of its own from it.

    Returns:
        The videos, category by category.
    """
    first = seed * SEEDS_PER_PROJECT_SEED
    return [
        _video(category, split, first + offset, settings)
        for category in CATEGORIES
        for split, offset in _places(settings)
    ]


def _places(settings: SyntheticSettings) -> Iterator[tuple[Split, int]]:
    for place in range(settings.train_videos_per_category):
        yield "train", place
    for place in range(settings.test_videos_per_category):
        yield "test", FIRST_TEST_SEED + place


def _video(category: str, split: Split, seed: int, settings: SyntheticSettings) -> Video:
    footage = SyntheticFootage(
        category=category,
        seed=seed,
        n_frames=max(1, round(settings.seconds * settings.fps_hz)),
        rate_hz=settings.fps_hz,
        height_px=settings.height_px,
        width_px=settings.width_px,
        still_plumes=settings.still_plumes,
    )
    return Video(
        name=f"{category}_{seed}",
        frames=footage,
        split=split,
        mask_source="synthetic",
        distance_m=footage.render().distance_m,
        background="complex" if category.endswith("complex") else "clear",
    )
