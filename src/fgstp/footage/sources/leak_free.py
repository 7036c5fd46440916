"""Sources `leak_free` and `composite`: footage without gas, as it is or with plumes drawn in."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fgstp.footage.frame_sources import eight_bit_frames
from fgstp.footage.sources import Search, register_source
from fgstp.footage.sources.folder import find_in
from fgstp.footage.sources.synthetic import RenderedFootage
from fgstp.footage.timing import DEFAULT_FPS_HZ, Timing
from fgstp.footage.video import Frame, FrameSource, RefusedVideo, Video
from fgstp.plumes.composite import CompositeVideo

VERSION = 1  # raise it whenever the same footage and seed give other composites
SEEDS_PER_PROJECT_SEED = 1_000_000
LEAK_FREE = "taken to be free of gas: all masks are empty"


@dataclass(frozen=True)
class LeakFreeFootage:
    """Footage whose frames all have an empty mask and leak class 0.

    Attributes:
        source: the footage.
    """

    source: FrameSource

    @property
    def timing(self) -> Timing | None:
        """That of the footage."""
        return self.source.timing

    def n_frames_hint(self) -> int | None:
        """That of the footage."""
        return self.source.n_frames_hint()

    def fps_hz(self) -> float | None:
        """That of the footage."""
        return self.source.fps_hz()

    def signature(self) -> str:
        """That of the footage."""
        return self.source.signature()

    def content_hash(self) -> str:
        """That of the footage."""
        return self.source.content_hash()

    def sample(self, n_frames: int) -> Iterator[NDArray[np.integer]]:
        """That of the footage."""
        return self.source.sample(n_frames)

    def frames(self, remarks: list[str]) -> Iterator[Frame]:
        """Read all frames."""
        for frame in self.source.frames(remarks):
            empty = np.zeros(frame.counts.shape, np.uint8)
            yield frame._replace(mask=empty, leak_class=0)


@dataclass(frozen=True)
class CompositeFootage(RenderedFootage):
    """Leak-free footage with a plume; see `fgstp.plumes.composite.CompositeVideo`.

    Attributes:
        source: the footage.
        seed: random seed of the plume.
        n_frames: number of frames.
        every: every n-th frame of the footage is taken.
        rate_hz: frame rate of the result.
    """

    source: FrameSource
    seed: int
    n_frames: int
    every: int
    rate_hz: float

    def signature(self) -> str:
        """Hash of the footage's signature and all parameters."""
        return self._hash(self.source.signature())

    def content_hash(self) -> str:
        """Hash of the footage's content and all parameters."""
        return self._hash(self.source.content_hash())

    def _hash(self, footage: str) -> str:
        own = [VERSION, footage, self.seed, self.n_frames, self.every, self.rate_hz]
        return hashlib.sha256(repr(own).encode()).hexdigest()

    def frames(self, remarks: list[str]) -> Iterator[Frame]:
        """Render all frames."""
        video = CompositeVideo(
            lambda: eight_bit_frames(self.source, remarks, every=self.every),
            self.seed,
            n_frames=self.n_frames,
            fps_hz=self.rate_hz,
        )
        for frame in video:
            yield Frame(frame.grey, frame.mask, frame.leak_class)


@register_source("leak_free")
def find_leak_free(search: Search) -> Sequence[Video | RefusedVideo]:
    """Find the videos of the folder `ingest.leak_free.path`, without their masks."""
    return [
        replace(
            video,
            name=f"{video.name}_leak_free",
            frames=LeakFreeFootage(video.frames),
            mask_source="annotated",
            masks=None,
            schedule=None,
            remarks=(*video.remarks, LEAK_FREE),
        )
        if isinstance(video, Video)
        else video
        for video in find_in(search, search.settings.leak_free, "ingest.leak_free.path")
    ]


@register_source("composite")
def find_composites(search: Search) -> Sequence[Video | RefusedVideo]:
    """Make composites of each video of the folder `ingest.leak_free.path`."""
    settings = search.settings.composite
    found: list[Video | RefusedVideo] = []
    for place, video in enumerate(
        find_in(search, search.settings.leak_free, "ingest.leak_free.path")
    ):
        if isinstance(video, RefusedVideo):
            found.append(video)
            continue
        fps_hz = video.fps_hz or video.frames.fps_hz() or DEFAULT_FPS_HZ
        every = max(1, round(fps_hz / settings.highest_fps_hz))
        for number in range(settings.per_video):
            seed = search.seed * SEEDS_PER_PROJECT_SEED + place * 1000 + number
            n_frames = max(1, round(settings.seconds * fps_hz / every))
            found.append(
                replace(
                    video,
                    name=f"{video.name}_composite_{number + 1}",
                    frames=CompositeFootage(video.frames, seed, n_frames, every, fps_hz / every),
                    mask_source="synthetic",
                    masks=None,
                    schedule=None,
                    fps_hz=None,
                )
            )
    return found
