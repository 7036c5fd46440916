"""Source `synthetic`: rendered plumes, which need no data."""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from fgstp.footage.sources import Search, register_source
from fgstp.footage.video import Frame, Split, Video
from fgstp.plumes import CATEGORIES, SyntheticVideo

GENERATOR_VERSION = 1  # raise it whenever the same seed gives different frames
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

    @property
    def timing(self) -> None:
        """None, since the rate is constant."""

    def n_frames_hint(self) -> int | None:
        """Number of frames."""
        return self.n_frames

    def fps_hz(self) -> float | None:
        """Frame rate."""
        return self.rate_hz

    def signature(self) -> str:
        """Hash of all parameters."""
        return hashlib.sha256(f"{GENERATOR_VERSION} {asdict(self)}".encode()).hexdigest()

    def content_hash(self) -> str:
        """Equal to `signature`, since equal parameters give equal frames."""
        return self.signature()

    def render(self) -> SyntheticVideo:
        """Return the generator of the frames."""
        recipe = asdict(self)
        return SyntheticVideo(
            recipe.pop("category"), recipe.pop("seed"), fps_hz=recipe.pop("rate_hz"), **recipe
        )

    def sample(self, n_frames: int) -> Iterator[NDArray[np.integer]]:
        """All frames."""
        return (frame.counts for frame in self.frames([]))

    def frames(self, remarks: list[str]) -> Iterator[Frame]:
        """Render all frames."""
        for frame in self.render():
            yield Frame(frame.grey, frame.mask, frame.leak_class)


@register_source("synthetic")
def find_synthetic(search: Search) -> list[Video]:
    """Make videos of all five categories, each with its own seed, as `ingest.synthetic` says."""
    settings = search.settings.synthetic
    first = search.seed * SEEDS_PER_PROJECT_SEED
    train, test = (
        range(settings.train_videos_per_category),
        range(settings.test_videos_per_category),
    )
    seeds: list[tuple[Split, int]] = [("train", first + place) for place in train]
    seeds += [("test", first + FIRST_TEST_SEED + place) for place in test]
    size = settings.model_dump(include={"height_px", "width_px", "still_plumes"})
    n_frames = max(1, round(settings.seconds * settings.fps_hz))
    footage = [
        (SyntheticFootage(category, seed, n_frames, settings.fps_hz, **size), split)
        for category in CATEGORIES
        for split, seed in seeds
    ]
    return [
        Video(
            name=f"{frames.category}_{frames.seed}",
            frames=frames,
            split=split,
            mask_source="synthetic",
            distance_m=frames.render().distance_m,
            background="complex" if frames.category.endswith("complex") else "clear",
        )
        for frames, split in footage
    ]
