"""Cutting a stream of frames into clips of equal length."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import count, islice, pairwise

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_128

from fgstp.core.errors import FootageError
from fgstp.footage.grey import GreySpan, to_levels
from fgstp.footage.packed_masks import GAS, VOID, n_set, packed
from fgstp.footage.video import Frame, LeakSchedule, MaskSource


@dataclass(frozen=True)
class Stretch:
    """Consecutive frames of a video that is being ingested: a clip, or the rest at the end.

    Attributes:
        first_frame: number of its first frame in the video, from 0.
        counts: (T, H, W) uint8 or uint16, as they are stored; those of 8 bits turn into grey levels
            where they are, once `frames` is asked for.
        annotated: (A,) int64, numbers of the frames that have a mask, from 0 in the stretch.
        masks: (A, H, W) uint8: 0, 1 for gas, 255 for void, which is neither.
        mask_source: kind of its masks; `none` without any.
        times_s: (T,) float64, seconds since the beginning of the video.
        leak_class: (T,) int8, -1 before the release, 8 after it; None if unknown.
        spans: counts that are black and white, one a frame; empty if counts are grey levels.
    """

    first_frame: int
    counts: NDArray[np.integer]
    annotated: NDArray[np.int64]
    masks: NDArray[np.uint8]
    times_s: NDArray[np.float64]
    mask_source: MaskSource = "none"
    leak_class: NDArray[np.int8] | None = None
    spans: Sequence[GreySpan | None] = ()

    @property
    def index(self) -> int:
        """Number of the clip in its video, from 0."""
        return self.first_frame // len(self.counts)

    @cached_property
    def frames(self) -> NDArray[np.uint8]:
        """Grey levels, (T, H, W): made at first use, so that decoding can go on beside it."""
        if not any(self.spans):
            return self.counts.astype(np.uint8, copy=False)
        # New memory for each clip would cost more time than the levels.
        is_grey = self.counts.dtype == np.uint8
        grey = self.counts.view(np.uint8) if is_grey else np.empty(self.counts.shape, np.uint8)
        changes = [at for at, (one, two) in enumerate(pairwise(self.spans), 1) if one != two]
        for start, stop in pairwise([0, *changes, len(grey)]):
            to_levels(self.counts[start:stop], self.spans[start], grey[start:stop])
        return grey

    def main_class(self) -> int | None:
        """Most frequent leak class, the lower of equals; None if unknown."""
        if self.leak_class is None:
            return None
        classes, counts = np.unique(self.leak_class, return_counts=True)
        return int(classes[counts.argmax()])

    @cached_property
    def gas(self) -> NDArray[np.void]:
        """Gas of its annotated frames, `packed`; numbers are from 0 in the stretch."""
        return packed(self.annotated, self.masks == GAS)

    @cached_property
    def void(self) -> NDArray[np.void]:
        """Void of those annotated frames that have some, `packed` like `gas`."""
        void = self.masks == VOID
        some = void.any(axis=(1, 2))
        return packed(self.annotated[some], void[some])

    def gas_fraction(self) -> float | None:
        """Fraction of the pixels of its annotated frames that are gas; None without any."""
        n_known = self.masks.size - n_set(self.void)
        return round(n_set(self.gas) / n_known, 6) if n_known else None

    def void_fraction(self) -> float | None:
        """Fraction of the pixels of its annotated frames that are void; None without any."""
        return round(n_set(self.void) / self.masks.size, 6) if len(self.masks) else None

    def content_hash(self) -> str:
        """XXH3 of the bytes of its frames, then of its gas and its void with their numbers.

        128 bits in hexadecimal digits. It tells apart what differs by chance, and takes a thirtieth
        of the time of SHA-256, which would be half of the time of reading.
        """
        digest = xxh3_128(self.frames.data)
        digest.update(self.gas.tobytes())
        digest.update(self.void.tobytes())
        return digest.hexdigest()


class ClipCutter:
    """Cuts a stream of frames into clips, with one clip in memory at a time.

    Attributes:
        length: frames of a clip.
        mask_source: kind of the masks of the frames.
        schedule: tells the leak classes; None if the frames do, or nobody.
        left_over: frames at the end that fill no clip, once the stream has ended.
    """

    def __init__(
        self, length: int, mask_source: MaskSource = "none", schedule: LeakSchedule | None = None
    ) -> None:
        self.length = length
        self.mask_source = mask_source
        self.schedule = schedule
        self.left_over: Stretch | None = None

    def clips(self, frames: Iterator[Frame]) -> Iterator[Stretch]:
        """Yield the clips of frames of one size, in the order of time.

        Raises:
            FootageError: the source cannot be read to its end.
        """
        for first_frame in count(0, self.length):
            try:
                stretch = self._gather(frames, first_frame)
            except OSError as error:
                raise FootageError(f"it cannot be read: {error.strerror or error}") from error
            if stretch is None:
                return
            if len(stretch.counts) < self.length:
                self.left_over = stretch
                return
            yield stretch

    def _gather(self, frames: Iterator[Frame], first_frame: int) -> Stretch | None:
        """Take the frames of the next clip, or those that are left; None without any."""
        counts: NDArray[np.integer] | None = None
        times_s, masks, classes, spans = [], {}, [], []
        for number, frame in enumerate(islice(frames, self.length)):
            if counts is None:
                counts = np.empty((self.length, *frame.counts.shape), frame.counts.dtype)
            counts[number] = frame.counts
            times_s.append(frame.time_s)
            spans.append(frame.span)
            if frame.mask is not None:
                masks[number] = frame.mask
            if frame.leak_class is not None:
                classes.append(frame.leak_class)
        if counts is None:
            return None
        times = np.array(times_s, np.float64)
        leak_class = np.array(classes, np.int8) if len(classes) == len(times) else None
        return Stretch(
            first_frame,
            counts[: len(times)],
            np.array(list(masks), np.int64),
            np.array(list(masks.values()), np.uint8).reshape(-1, *counts.shape[1:]),
            times,
            self.mask_source if masks else "none",
            leak_class if self.schedule is None else self.schedule.classes(times),
            spans,
        )


def read_ahead(clips: Iterator[Stretch]) -> Iterator[Stretch]:
    """Make the next clip in another thread while the present one is processed.

    So decoding and writing overlap. An error in making a clip is raised in its place.
    """
    with ThreadPoolExecutor(max_workers=1) as thread:
        upcoming = thread.submit(next, clips, None)
        while (clip := upcoming.result()) is not None:
            upcoming = thread.submit(next, clips, None)
            yield clip
