"""Source `synthetic`: rendered plumes, which need no data."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgstp.footage.settings import SyntheticSettings
from fgstp.footage.sources import Search, register_source
from fgstp.footage.video import Frame, Split, Video
from fgstp.plumes import CATEGORIES, Conditions, SyntheticVideo
from fgstp.plumes.presets import conditions_named

GENERATOR_VERSION = 2  # raise it whenever the same seed gives different frames
SEEDS_PER_PROJECT_SEED = 10_000
# So that more training videos do not change the others.
FIRST_VALIDATION_SEED, FIRST_TEST_SEED = 2_500, 5_000


class RenderedFootage(ABC):
    """Footage that is rendered in 8 bits, at a constant rate.

    Attributes:
        n_frames: number of frames.
        rate_hz: frame rate.
    """

    n_frames: int
    rate_hz: float

    @property
    def timing(self) -> None:
        """None, since the rate is constant."""
        return

    def n_frames_hint(self) -> int | None:
        """Number of frames."""
        return self.n_frames

    def fps_hz(self) -> float | None:
        """Frame rate."""
        return self.rate_hz

    def sample(self, n_frames: int) -> Iterator[NDArray[np.integer]]:
        """All frames."""
        return (frame.counts for frame in self.frames([]))

    @abstractmethod
    def frames(self, remarks: list[str]) -> Iterator[Frame]:
        """Render all frames."""


@dataclass(frozen=True)
class SyntheticFootage(RenderedFootage):
    """A rendered video with its masks and leak classes; see `fgstp.plumes.SyntheticVideo`."""

    category: str
    seed: int
    n_frames: int
    rate_hz: float
    height_px: int
    width_px: int
    still_plumes: int = 0
    conditions: Conditions = field(default_factory=Conditions)

    def signature(self) -> str:
        """Hash of all parameters."""
        return hashlib.sha256(f"{GENERATOR_VERSION} {self._recipe()}".encode()).hexdigest()

    def content_hash(self) -> str:
        """Equal to `signature`, since equal parameters give equal frames."""
        return self.signature()

    def render(self) -> SyntheticVideo:
        """Return the generator of the frames."""
        recipe = self._recipe()
        return SyntheticVideo(
            recipe.pop("category"), recipe.pop("seed"), fps_hz=recipe.pop("rate_hz"), **recipe
        )

    def frames(self, remarks: list[str]) -> Iterator[Frame]:
        """Render all frames."""
        for frame in self.render():
            yield Frame(frame.grey, frame.mask, frame.leak_class)

    def _recipe(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in fields(self)}


class SyntheticSample(NamedTuple):
    """Some synthetic videos to look at.

    Attributes:
        n_videos: number of videos, of all categories in turn.
        seconds: length of each.
        seed: seed of the first; the others follow.
    """

    n_videos: int
    seconds: float
    seed: int

    def videos(self, conditions: str, fps_hz: float | None) -> Iterator[Video]:
        """Make the videos, under the conditions of that name; at 15 Hz if no rate is given.

        Raises:
            UserError: there are no such conditions.
        """
        settings = SyntheticSettings(conditions=conditions_named(conditions))
        rate_hz = fps_hz or settings.fps_hz
        for number in range(self.n_videos):
            frames = SyntheticFootage(
                CATEGORIES[number % len(CATEGORIES)],
                self.seed + number,
                max(1, round(self.seconds * rate_hz)),
                rate_hz,
                settings.height_px,
                settings.width_px,
                conditions=settings.conditions,
            )
            yield Video(f"{frames.category}_{frames.seed}", frames, "train", "synthetic")


@register_source("synthetic")
def find_synthetic(search: Search) -> list[Video]:
    """Make videos of all five categories, each with its own seed, as `ingest.synthetic` says."""
    settings = search.settings.synthetic
    first = search.seed * SEEDS_PER_PROJECT_SEED
    places: list[tuple[Split, int, int]] = [
        ("train", 0, settings.train_videos_per_category),
        ("validation", FIRST_VALIDATION_SEED, settings.validation_videos_per_category),
        ("test", FIRST_TEST_SEED, settings.test_videos_per_category),
    ]
    seeds = [(split, first + begin + k) for split, begin, count in places for k in range(count)]
    names = ("height_px", "width_px", "still_plumes", "conditions")
    shared = {name: getattr(settings, name) for name in names}
    n_frames = max(1, round(settings.seconds * settings.fps_hz))
    footage = [
        (SyntheticFootage(category, seed, n_frames, settings.fps_hz, **shared), split)
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
