"""The video store: frames of videos and masks of their annotated frames, on disk."""

import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgstp.core.errors import UserError
from fgstp.core.files import (
    GrowingArray,
    growing_array,
    mapped_array,
    remove_file,
    remove_others,
    write_text,
)
from fgstp.core.fingerprint import SUFFIX, is_current, write_stamp

FRAMES, MASKS, LEAK_CLASS, TIME_S = "frames.npy", "masks.npy", "leak_class.npy", "time_s.npy"
DESCRIPTORS, RECORD = "descriptors.npy", "record.json"
PARTS = (FRAMES, MASKS, LEAK_CLASS, TIME_S, DESCRIPTORS, RECORD)
OUTCOME = "outcome.json"  # one for all videos
REMEDY = "run `kedro run --pipelines=ingest`."
Row = dict[str, Any]


def packed(numbers: NDArray[np.integer], masks: NDArray[np.uint8]) -> NDArray[np.void]:
    """Pack masks into records of a frame number, `frame` int32, and its mask, `bits` uint8.

    Args:
        numbers: (A,) numbers of frames.
        masks: (A, H, W) uint8, 0/1.
    """
    _, height, width = masks.shape
    bits = np.packbits(masks.reshape(-1, height * width), axis=1)
    rows = np.empty(len(masks), [("frame", "<i4"), ("bits", "u1", bits.shape[1:])])
    rows["frame"], rows["bits"] = numbers, bits
    return rows


def first_frame_with_gas(masks: Iterable[NDArray[np.bool_] | NDArray[np.uint8]]) -> int | None:
    """Find the number of the first frame with gas, from 0; None if no frame has gas.

    Args:
        masks: (T, H, W), or T masks (H, W), of which those after the first with gas are not read;
            what is not 0 is gas.
    """
    return next((number for number, mask in enumerate(masks) if mask.any()), None)


@dataclass(frozen=True)
class Clip:
    """Consecutive frames of a video, memory-mapped.

    Attributes:
        frames: (T, H, W) uint8, read-only.
        annotated: (A,) int64, numbers of the frames that have a mask, from 0 in the clip, sorted.
        leak_class: (T,) int8; None if it is unknown.
        times_s: (T,) float64, seconds since the beginning of the video.
        features: (T, ...) features that a model precomputed from the frames, if it does.
    """

    frames: NDArray[np.uint8]
    annotated: NDArray[np.int64]
    leak_class: NDArray[np.int8] | None
    times_s: NDArray[np.float64]
    _bits: NDArray[np.uint8]
    features: NDArray[np.float16] | None = None

    def masks(self, numbers: NDArray[np.int64] | None = None) -> NDArray[np.uint8]:
        """Read masks of annotated frames, by default of all of them: (n, H, W) uint8, 0/1."""
        places = slice(None) if numbers is None else np.searchsorted(self.annotated, numbers)
        _, height, width = self.frames.shape
        masks = np.unpackbits(self._bits[places], axis=1, count=height * width)
        return masks.reshape(-1, height, width)

    def masks_or_zeros(self) -> NDArray[np.uint8]:
        """Read masks of all frames, (T, H, W) uint8, 0/1, with zeros for frames without one."""
        masks = np.zeros(self.frames.shape, np.uint8)
        masks[self.annotated] = self.masks()
        return masks


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
        end = len(frames) if n_frames is None else first_frame + n_frames
        if end > len(frames):
            raise UserError(
                f"The video {video} in {self.folder} has {len(frames)} frames, but a clip ends "
                f"after {end}; {REMEDY}"
            )
        stretch = slice(first_frame, end)
        annotated, bits = np.empty(0, np.int64), np.empty((0, 0), np.uint8)
        if (masks := self._read_if_there(video, MASKS)) is not None:
            # Bisection reads a few numbers; the column as a whole is spread over the file.
            numbers = masks["frame"]
            rows = masks[bisect_left(numbers, first_frame) : bisect_left(numbers, end)]
            annotated, bits = rows["frame"].astype(np.int64) - first_frame, rows["bits"]
        leak_class = self._read_if_there(video, LEAK_CLASS)
        leak_class = None if leak_class is None else leak_class[stretch]
        times_s = self._read(video, TIME_S)[stretch]
        return Clip(frames[stretch], annotated, leak_class, times_s, bits)

    def _read(self, video: str, part: str) -> NDArray[Any]:
        return mapped_array(self.path(video, part), f"The video {video}", REMEDY)

    def _read_if_there(self, video: str, part: str) -> NDArray[Any] | None:
        return self._read(video, part) if self.path(video, part).exists() else None

    @contextmanager
    def writing(self, video: str) -> "Iterator[VideoWriter]":
        """Write a video piece by piece; its files appear when the block ends without an error.

        Parts to which nothing was appended have no file, and an old one is removed.
        """
        with ExitStack() as files:
            yield (writer := VideoWriter(self, video, files))
        for part in {FRAMES, MASKS, LEAK_CLASS, TIME_S} - writer.parts.keys():
            remove_file(self.path(video, part))

    def finish(
        self, video: str, facts: Mapping[str, object], record: Row, maps: NDArray[np.float32]
    ) -> None:
        """Write record and descriptors of a written video, and stamp it as finished.

        Args:
            video: id of the video.
            facts: what all its files depend on, as plain values.
            record: its rows of the tables, as plain values.
            maps: (clips, 3, h, w) float32, descriptors of its clips.
        """
        with growing_array(self.path(video, DESCRIPTORS)) as descriptors:
            descriptors.append(maps)
        write_text(self.path(video, RECORD), json.dumps(record, indent=1) + "\n")
        files = (self.path(video, part) for part in PARTS)
        write_stamp(self.folder / video, facts, [file for file in files if file.exists()])

    def is_finished(self, video: str, facts: Mapping[str, object]) -> bool:
        """Whether a video was finished with the same facts and its files have not changed."""
        return is_current(self.folder / video, facts)

    def record(self, video: str) -> Row:
        """Read the record of a finished video; a `UserError` if there is none."""
        return _read_json(self.path(video, RECORD))

    def descriptors(self, video: str) -> NDArray[np.float32]:
        """Read the descriptors of a finished video; a `UserError` if there are none."""
        return self._read(video, DESCRIPTORS)

    def write_outcome(self, rows: list[Row]) -> None:
        """Write the rows of the video table, including refused videos."""
        write_text(self.folder / OUTCOME, json.dumps(rows, indent=1) + "\n")

    def outcome(self) -> list[Row]:
        """Read the rows of the video table; a `UserError` if there are none."""
        return _read_json(self.folder / OUTCOME)

    def remove_all_but(self, videos: Iterable[str]) -> None:
        """Remove the files of all other videos, and those that interrupted runs left."""
        remove_others(self.folder, [*(f".{part}" for part in PARTS), SUFFIX], videos)


def _read_json(path: Path) -> Any:  # noqa: ANN401
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read; {REMEDY}") from error


class VideoWriter:
    """Writes a video piece by piece; see `VideoStore.writing`.

    Attributes:
        n_frames: number of frames written so far.
        parts: the arrays written so far, by name.
    """

    def __init__(self, store: VideoStore, video: str, files: ExitStack) -> None:
        self.n_frames = 0
        self.parts: dict[str, GrowingArray] = {}
        self._path = partial(store.path, video)
        self._files = files

    def append(
        self,
        frames: NDArray[np.uint8],
        times_s: NDArray[np.float64],
        *,
        annotated: NDArray[np.int64] | None = None,
        masks: NDArray[np.uint8] | None = None,
        leak_class: NDArray[np.int8] | None = None,
    ) -> None:
        """Append frames with their times, masks and leak classes.

        Args:
            frames: (T, H, W) uint8.
            times_s: (T,) seconds since the beginning of the video.
            annotated: (A,) numbers of the frames that have a mask, from 0 in `frames`, sorted;
                None for all, if there are masks.
            masks: (A, H, W) uint8, 0/1; None without masks.
            leak_class: (T,) int8; None if unknown, then for all pieces of the video.

        Raises:
            UserError: the folder cannot be written or the disk is full.
        """
        self._append(FRAMES, frames)
        self._append(TIME_S, times_s)
        if masks is not None and len(masks):
            numbers = np.arange(len(frames)) if annotated is None else annotated
            self._append(MASKS, packed(self.n_frames + numbers, masks))
        if leak_class is not None:
            self._append(LEAK_CLASS, leak_class)
        self.n_frames += len(frames)

    def _append(self, part: str, array: NDArray[Any]) -> None:
        if part not in self.parts:
            self.parts[part] = self._files.enter_context(growing_array(self._path(part)))
        self.parts[part].append(array)
