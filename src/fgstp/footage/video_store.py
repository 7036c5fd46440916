"""The video store: frames of videos and masks of their annotated frames, on disk."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from fgstp.core.errors import UserError
from fgstp.core.files import (
    Piece,
    growing_array,
    mapped_array,
    remove_file,
    remove_others,
    write_text,
)
from fgstp.core.fingerprint import SUFFIX, is_current, write_stamp
from fgstp.core.records import read_record
from fgstp.footage.packed_masks import VOID, PackedMasks
from fgstp.footage.video_writer import (
    FRAMES,
    LEAK_CLASS,
    MASKS,
    TIME_S,
    VOID_MASKS,
    WRITTEN,
    VideoWriter,
)

DESCRIPTORS, RECORD = "descriptors.npy", "record.json"
PARTS = (*WRITTEN, DESCRIPTORS, RECORD)
OUTCOME = "outcome.json"  # one for all videos
MEND = "run `kedro run --pipelines=ingest`"
REMEDY = f"{MEND}."
Row = dict[str, Any]


class Record(BaseModel):
    """Part of the record of a video that readers rely on."""

    video: Row
    clips: list[Row]


class Outcome(BaseModel):
    """Part of a row of the video table that readers rely on."""

    video: str
    error: str | None


@dataclass(frozen=True)
class Clip:
    """Consecutive frames of a video, memory-mapped.

    Attributes:
        frames: (T, H, W) uint8, read-only.
        annotated: (A,) int64, numbers of the frames that have a mask, from 0 in the clip, sorted.
        leak_class: (T,) int8; None if it is unknown.
        times_s: (T,) float64, seconds since the beginning of the video.
        first_frame: number of its first frame in the video.
        video_frames: (V, H, W) uint8, all frames of the video, for models that need context.
        video_times_s: (V,) float64, their times.
        features: (T, ...) features that a model precomputed from the frames, if it does.
    """

    frames: NDArray[np.uint8]
    annotated: NDArray[np.int64]
    leak_class: NDArray[np.int8] | None
    times_s: NDArray[np.float64]
    first_frame: int
    video_frames: NDArray[np.uint8]
    video_times_s: NDArray[np.float64]
    _masks: PackedMasks
    _void: PackedMasks
    features: NDArray[np.float16] | None = None

    def masks(self, numbers: NDArray[np.int64] | None = None) -> NDArray[np.uint8]:
        """Read masks of annotated frames, by default of all of them: (n, H, W) uint8, 0/1."""
        return self._masks.read(self.annotated if numbers is None else numbers)

    def void(self, numbers: NDArray[np.int64] | None = None) -> NDArray[np.uint8]:
        """Read which pixels are neither gas nor free of it, like `masks`."""
        return self._void.read(self.annotated if numbers is None else numbers)

    def labels(self, numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Read masks and void together: (n, H, W) uint8: 0, 1 for gas, 255 for void."""
        return np.where(self.void(numbers), VOID, self.masks(numbers)).astype(np.uint8)

    def masks_or_zeros(self) -> NDArray[np.uint8]:
        """Read masks of all frames, (T, H, W) uint8, 0/1, with zeros for frames without one."""
        return self._masks.read(np.arange(len(self.frames)))


@dataclass(frozen=True)
class VideoStore:
    """A folder of ingested videos.

    Attributes:
        folder: the folder; made when the first video is written.
    """

    folder: Path

    def path(self, video: str, part: str) -> Path:
        """Return the path of a part of a video, such as `frames.npy`."""
        return self.folder / f"{video}.{part}"

    def clip(self, video: str, first_frame: int = 0, n_frames: int | None = None) -> Clip:
        """View consecutive frames of a video, by default all of them.

        Args:
            video: id of the video.
            first_frame: number of the first frame, from 0.
            n_frames: number of frames; None for all up to the end.

        Raises:
            UserError: the video does not exist or is shorter.
        """
        frames = self._read(video, FRAMES)
        n_bytes = -(-frames[0].size // 8) if frames.ndim == 3 and len(frames) else 0
        self._check(video, FRAMES, frames.dtype == np.uint8 and n_bytes > 0)
        end = len(frames) if n_frames is None else first_frame + n_frames
        if end > len(frames):
            raise UserError(
                f"The video {video} in {self.folder} has {len(frames)} frames, but a clip ends "
                f"after {end}; {REMEDY}"
            )
        stretch = slice(first_frame, end)
        masks, void = (
            PackedMasks.between(
                self._masks(video, part, n_bytes), first_frame, end, frames.shape[1:]
            )
            for part in (MASKS, VOID_MASKS)
        )
        leak_class = self._read_if_there(video, LEAK_CLASS)
        times_s = self._read(video, TIME_S)
        is_fit = times_s.shape == frames.shape[:1] and times_s.dtype == np.float64
        self._check(video, TIME_S, is_fit and bool(np.isfinite(times_s).all()))
        if leak_class is not None:
            is_fit = leak_class.shape == frames.shape[:1] and leak_class.dtype == np.int8
            self._check(video, LEAK_CLASS, is_fit)
            leak_class = leak_class[stretch]
        return Clip(
            frames[stretch],
            masks.numbers,
            leak_class,
            times_s[stretch],
            first_frame,
            frames,
            times_s,
            masks,
            void,
        )

    def _masks(self, video: str, part: str, n_bytes: int) -> NDArray[Any] | None:
        rows = self._read_if_there(video, part)
        if rows is not None:
            is_packed = rows.dtype.names == ("frame", "bits") and rows.ndim == 1
            self._check(video, part, is_packed and rows["bits"].shape[1:] == (n_bytes,))
        return rows

    def _check(self, video: str, part: str, is_sound: bool) -> None:
        if not is_sound:
            raise UserError(
                f"The video {video} cannot be read from {self.path(video, part)}, which does not "
                f"fit its frames; {REMEDY}"
            )

    def _read(self, video: str, part: str) -> NDArray[Any]:
        return mapped_array(self.path(video, part), f"The video {video}", REMEDY)

    def _read_if_there(self, video: str, part: str) -> NDArray[Any] | None:
        return self._read(video, part) if self.path(video, part).exists() else None

    @contextmanager
    def writing(self, video: str) -> Iterator[VideoWriter]:
        """Write a video piece by piece; its files appear when the block ends without an error.

        Parts to which nothing was appended have no file, and an old one is removed.
        """
        with ExitStack() as files:
            yield (writer := VideoWriter(partial(self.path, video), files))
        for part in set(WRITTEN) - writer.parts.keys():
            remove_file(self.path(video, part))

    def finish(
        self,
        video: str,
        facts: Mapping[str, object],
        record: Row,
        maps: NDArray[np.float32],
        pieces: Mapping[Path, list[Piece]] | None = None,
    ) -> None:
        """Write record and descriptors of a written video, and stamp it as finished.

        Args:
            video: id of the video.
            facts: what all its files depend on, as plain values.
            record: its rows of the tables, as plain values.
            maps: (clips, 3, h, w) float32, descriptors of its clips.
            pieces: hashes of its files, as far as its `VideoWriter` knows them.
        """
        with growing_array(self.path(video, DESCRIPTORS)) as descriptors:
            descriptors.append(maps)
        write_text(self.path(video, RECORD), json.dumps(record, indent=1) + "\n")
        files = [self.path(video, part) for part in PARTS if self.path(video, part).exists()]
        write_stamp(self.folder / video, facts, files, pieces)

    def is_finished(self, video: str, facts: Mapping[str, object]) -> bool:
        """Whether a video was finished with the same facts and its files have not changed."""
        return is_current(self.folder / video, facts)

    def record(self, video: str) -> Row:
        """Read the record of a finished video; a `UserError` if there is none."""
        record: Row = read_record(self.path(video, RECORD), Record, MEND)
        return record

    def descriptors(self, video: str) -> NDArray[np.float32]:
        """Read the descriptors of a finished video; a `UserError` if there are none."""
        return self._read(video, DESCRIPTORS)

    def write_outcome(self, rows: list[Row]) -> None:
        """Write the rows of the video table, including refused videos."""
        write_text(self.folder / OUTCOME, json.dumps(rows, indent=1) + "\n")

    def outcome(self) -> list[Row]:
        """Read the rows of the video table; a `UserError` if there are none."""
        rows: list[Row] = read_record(self.folder / OUTCOME, list[Outcome], MEND)
        return rows

    def remove_all_but(self, videos: Iterable[str]) -> None:
        """Remove the files of all other videos, and those that interrupted runs left."""
        remove_others(self.folder, [*(f".{part}" for part in PARTS), SUFFIX], videos)
