"""Footage to adapt to: stretches of leak-free videos, as they are and with plumes drawn in."""

import itertools
import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from fgstp.core.errors import FootageError, UserError, printable
from fgstp.core.files import growing_array
from fgstp.core.fingerprint import content_hash
from fgstp.core.progress import ProgressBar
from fgstp.footage.frame_sources import eight_bit_frames, frames_of
from fgstp.footage.ingest_videos import ingest_videos, tables
from fgstp.footage.settings import DuplicateSettings, IngestSettings
from fgstp.footage.sources.leak_free import CompositeFootage, LeakFreeFootage
from fgstp.footage.sources.synthetic import RenderedFootage
from fgstp.footage.timing import DEFAULT_FPS_HZ
from fgstp.footage.video import Frame, FrameSource, Split, Video
from fgstp.footage.video_store import VideoStore
from fgstp.plumes.composite import CompositeVideo, there_and_back

STRETCH_S = 30.0
HIGHEST_FPS_HZ = 10.0
CLIP_FRAMES = 50
SHORTEST_S = 8.0  # of a video
# Fractions of each video, with a gap, so that no frame that is scored is next to one trained on.
PARTS: dict[Split, tuple[float, float]] = {"train": (0.0, 0.7), "validation": (0.75, 1.0)}
LEAST_LEAK_FRACTION = 0.25  # of the frames of a composite
SEEDS_PER_SEED = 1_000_000
LONGEST_NAME = 80  # of a video


class Prepared(NamedTuple):
    """Footage to train on (split `train`) and to score on (split `validation`).

    Attributes:
        store: its frames and masks.
        videos: the video table.
        clips: the clip table.
    """

    store: VideoStore
    videos: pd.DataFrame
    clips: pd.DataFrame


@dataclass(frozen=True)
class Stretch(RenderedFootage):
    """Frames of a part of a video, played there and back, as often as it takes.

    Attributes:
        path: (T, H, W) uint8, on the disk.
        split: the split that the part belongs to.
        n_frames: number of frames.
        rate_hz: frame rate.
    """

    path: Path
    split: Split
    n_frames: int
    rate_hz: float

    def signature(self) -> str:
        """That of the content, which is written once."""
        return self.content_hash()

    def content_hash(self) -> str:
        """SHA-256 of the frames."""
        return content_hash([self.path])

    def frames(self, remarks: list[str]) -> Iterator[Frame]:
        """Read all frames."""
        shown = there_and_back(np.load(self.path, mmap_mode="r"))
        yield from (Frame(np.asarray(each)) for each in itertools.islice(shown, self.n_frames))


def prepare(
    sources: Sequence[Path],
    folder: Path,
    *,
    n_train: int,
    n_held_out: int,
    seed: int,
    fps_hz: float | None = None,
) -> Prepared:
    """Cut stretches out of leak-free videos, draw plumes into them, and ingest both.

    The last quarter of each video is held out. Of more videos than composites some are left out.

    Args:
        sources: leak-free videos.
        folder: where all is written.
        n_train: composites to train on.
        n_held_out: composites to score on.
        seed: random seed of the plumes.
        fps_hz: true frame rate, where it is not that which a file states.

    Raises:
        UserError: a video cannot be read, is too short or repeats another one, or no plume can be
            seen.
    """
    # What is held out comes first, so that more training leaves its plumes as they are.
    wanted: dict[Split, int] = {"validation": n_held_out, "train": n_train}
    stretches: list[Stretch] = []
    for number, source in enumerate(sources):
        # Spread evenly over the videos.
        shares = {
            split: (number + 1) * total // len(sources) - number * total // len(sources)
            for split, total in wanted.items()
        }
        name = folder / f"{number}_{printable(source.stem)[:LONGEST_NAME]}"
        try:
            stretches += _cut(source, name, shares, fps_hz) if any(shares.values()) else ()
        except FootageError as error:
            raise UserError(f"{source}: {error}") from error
    return _ingested([*_videos(stretches, wanted, seed)], VideoStore(folder / "videos"))


def _videos(stretches: Sequence[Stretch], wanted: dict[Split, int], seed: int) -> Iterator[Video]:
    """Each stretch as it is, and composites of all of them in turn."""
    seeds = itertools.count(seed * SEEDS_PER_SEED)
    for split, n_composites in wanted.items():
        own = [stretch for stretch in stretches if stretch.split == split]
        yield from map(_as_it_is, own)
        yield from (_composite(own[n % len(own)], seeds) for n in range(n_composites))


def _cut(
    source: Path, name: Path, shares: dict[Split, int], true_hz: float | None
) -> list[Stretch]:
    """Write stretches of a video, at most so many of each part of it."""
    footage = frames_of(source, true_hz)
    fps_hz = footage.fps_hz() or DEFAULT_FPS_HZ
    every = max(1, round(fps_hz / HIGHEST_FPS_HZ))
    n_frames, rate_hz = _n_frames(footage) // every, fps_hz / every
    if n_frames < SHORTEST_S * rate_hz:
        raise UserError(
            f"{source} lasts {n_frames / rate_hz:.1f} s, but adapting takes {SHORTEST_S:g} s or "
            "more of each video; leave it out, or record for longer."
        )
    longest = max(round(STRETCH_S * rate_hz), CLIP_FRAMES)
    stretches, starts = [], {}
    for split, (begin, end) in PARTS.items():
        first, last = math.ceil(begin * n_frames), math.floor(end * n_frames)
        length = min(longest, last - first)
        count = min(shares[split], (last - first) // length)
        for start in np.linspace(first, last - length, count).astype(int):
            path = name.with_name(f"{name.name}_{split}_{start}.npy")
            starts[path] = int(start), int(start) + length
            stretches.append(Stretch(path, split, longest, rate_hz))
    _write(footage, every, starts, source.name)
    return stretches


def _write(footage: FrameSource, every: int, spans: dict[Path, tuple[int, int]], name: str) -> None:
    """Write frames of some spans in one pass."""
    last, n_read = max(stop for _, stop in spans.values()), 0
    with ExitStack() as files:
        arrays = {path: files.enter_context(growing_array(path)) for path in spans}
        frames = itertools.islice(eight_bit_frames(footage, every=every), last)
        for number, frame in enumerate(ProgressBar(frames, total=last, desc=name, unit=" frames")):
            n_read = number + 1
            for path, (start, stop) in spans.items():
                if start <= number < stop:
                    arrays[path].append(frame[None])
        if n_read < last:
            raise FootageError("some of its frames cannot be decoded; copy it again or convert it")


def _n_frames(footage: FrameSource) -> int:
    timing = footage.timing
    return (footage.n_frames_hint() or 0) if timing is None else len(timing.times_s)


def _as_it_is(stretch: Stretch) -> Video:
    name = f"{stretch.path.stem}_leak_free"
    return Video(name, LeakFreeFootage(stretch), stretch.split, "annotated")


def _composite(stretch: Stretch, seeds: Iterator[int]) -> Video:
    """A composite with the next seed whose leak is on for long enough."""
    n_frames, fps_hz = stretch.n_frames, stretch.rate_hz
    plumes = (CompositeVideo(tuple, seed, n_frames=n_frames, fps_hz=fps_hz) for seed in seeds)
    seed = next(each.seed for each in plumes if each.leak_fraction() >= LEAST_LEAK_FRACTION)
    footage = CompositeFootage(stretch, seed, n_frames, 1, fps_hz)
    return Video(f"{stretch.path.stem}_composite_{seed}", footage, stretch.split, "synthetic")


def _ingested(videos: Sequence[Video], store: VideoStore) -> Prepared:
    settings = IngestSettings(
        source="composite",
        clip_length_frames=CLIP_FRAMES,
        duplicates=DuplicateSettings(threshold=1.01),
    )
    ingest_videos(videos, store, settings)
    rows, clips = tables(store)
    errors = rows["error"].dropna()
    if len(errors):
        raise UserError(f"The footage cannot be adapted to, since {errors.iloc[0].rstrip('.')}.")
    for split in PARTS:
        if not clips.loc[clips["split"] == split, "gas_fraction"].gt(0).any():
            raise UserError(
                "No plume that was drawn into this footage can be seen; choose another --seed, or "
                "footage with larger pictures."
            )
    return Prepared(store, rows, clips)
