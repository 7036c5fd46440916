"""Source `synthetic`: plumes that are rendered, which needs no data."""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from fgstp.footage.sources import Search, register_source
from fgstp.footage.video import Frame, Split, Video
from fgstp.plumes import CATEGORIES, SyntheticVideo

GENERATOR_VERSION = 1  # to be raised whenever the same seed gives other bytes
SEEDS_PER_PROJECT_SEED = 10_000
FIRST_TEST_SEED = 5_000  # so that more training videos do not change the test videos


@dataclass(frozen=True)
class SyntheticFootage:
    """A rendered video with its masks and leak classes; see `fgstp.plumes.SyntheticVideo`."""

    category: str
    seed: int
    n_frames: int
    rate_hz: float
    height_px: int
    width_px: int
    still_plumes: int = 0

    def n_frames_hint(self) -> int | None:
        """Number of frames."""
        return self.n_frames

    def fps_hz(self) -> float | None:
        """Frame rate."""
        return self.rate_hz

    def signature(self) -> str:
        """Hash of everything that the video is made from."""
        return hashlib.sha256(f"{GENERATOR_VERSION} {asdict(self)}".encode()).hexdigest()

    def content_hash(self) -> str:
        """The recipe is the content: the same recipe gives the same bytes."""
        return self.signature()

    def render(self) -> SyntheticVideo:
        """The generator behind it."""
        recipe = asdict(self)
        return SyntheticVideo(
            recipe.pop("category"), recipe.pop("seed"), fps_hz=recipe.pop("rate_hz"), **recipe
        )

    def __iter__(self) -> Iterator[Frame]:
        """Render all frames."""
        for frame in self.render():
            yield Frame(frame.grey, frame.mask, frame.leak_class)


@register_source("synthetic")
def find_synthetic(search: Search) -> list[Video]:
    """Videos of all five categories, some for training and some for testing.

    Their number, length and size are in `ingest.synthetic`; each has a seed of its own.
    """
    settings = search.settings.synthetic
    first = search.seed * SEEDS_PER_PROJECT_SEED
    seeds: list[tuple[Split, int]] = [
        *(("train", first + place) for place in range(settings.train_videos_per_category)),
        *(
            ("test", first + FIRST_TEST_SEED + place)
            for place in range(settings.test_videos_per_category)
        ),
    ]
    size = settings.model_dump(include={"height_px", "width_px", "still_plumes"})
    n_frames = max(1, round(settings.seconds * settings.fps_hz))
    return [
        _video(SyntheticFootage(category, seed, n_frames, settings.fps_hz, **size), split)
        for category in CATEGORIES
        for split, seed in seeds
    ]


def _video(footage: SyntheticFootage, split: Split) -> Video:
    return Video(
        name=f"{footage.category}_{footage.seed}",
        frames=footage,
        split=split,
        mask_source="synthetic",
        distance_m=footage.render().distance_m,
        background="complex" if footage.category.endswith("complex") else "clear",
    )
