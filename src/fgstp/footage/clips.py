"""Clips: a stream of frames cut into pieces of equal length."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgstp.core.errors import FootageError
from fgstp.footage.video import Frame, MaskSource


@dataclass(frozen=True)
class Clip:
    """Consecutive frames of one video.

    Attributes:
        index: number of the clip in its video, from 0.
        first_frame: number of its first frame in the video, from 0.
        frames: (T, H, W) uint8.
        mask_source: what kind of masks it has.
        masks: (T, H, W) uint8, 0/1; None without masks.
        leak_class: (T,) int8, -1 before the release, 8 after it; None if unknown.
    """

    index: int
    first_frame: int
    frames: NDArray[np.uint8]
    mask_source: MaskSource = "none"
    masks: NDArray[np.uint8] | None = None
    leak_class: NDArray[np.int8] | None = None

    def main_class(self) -> int | None:
        """Leak class of most of its frames, the lower of equals; None if unknown."""
        if self.leak_class is None:
            return None
        classes, counts = np.unique(self.leak_class, return_counts=True)
        return int(classes[counts.argmax()])


class ClipCutter:
    """Cuts a stream of 8-bit frames into clips, one clip in memory at a time.

    After the stream has ended it knows how long it was.

    Attributes:
        n_frames: frames seen so far.
        length: frames of a clip.
    """

    def __init__(self, length: int) -> None:
        self.length = length
        self.n_frames = 0

    def clips(self, frames: Iterator[Frame]) -> Iterator[Clip]:
        """Cut.

        Args:
            frames: uint8 frames of one size; masks and leak classes on all of them or none.

        Yields:
            The clips in the order of time; what is left at the end is not among them.
        """
        builder: _ClipBuilder | None = None
        for frame in frames:
            place = self.n_frames % self.length
            if builder is None or place == 0:
                builder = _ClipBuilder(self.length, frame)
            builder.put(place, frame)
            self.n_frames += 1
            if place == self.length - 1:
                yield builder.build(self.n_frames - self.length)

    def left_over(self) -> int:
        """Frames at the end that fill no clip."""
        return self.n_frames % self.length

    def check_length(self) -> None:
        """See that there was at least one clip.

        Raises:
            FootageError: no frame, or fewer than a clip has.
        """
        if self.n_frames == 0:
            raise FootageError("it holds no frame that can be decoded; copy it again")
        if self.n_frames < self.length:
            raise FootageError(
                f"it has {self.n_frames} frames, but a clip takes {self.length}; use longer "
                "footage or lower ingest.clip_length_frames"
            )


def read_ahead(clips: Iterator[Clip]) -> Iterator[Clip]:
    """Make the next clip in a thread of its own while the present one is worked on.

    Decoding and writing wait for different things, so that they can overlap.

    Args:
        clips: clips as they are made.

    Yields:
        The same clips; an error in making one is raised in its place.
    """
    with ThreadPoolExecutor(max_workers=1) as thread:
        upcoming = thread.submit(next, clips, None)
        while (clip := upcoming.result()) is not None:
            upcoming = thread.submit(next, clips, None)
            yield clip


class _ClipBuilder:
    """Arrays of one clip being filled."""

    def __init__(self, length: int, first: Frame) -> None:
        shape = (length, *first.grey.shape)
        self.frames = np.empty(shape, np.uint8)
        self.masks = None if first.mask is None else np.empty(shape, np.uint8)
        self.leak_class = None if first.leak_class is None else np.empty(length, np.int8)

    def put(self, place: int, frame: Frame) -> None:
        self.frames[place] = frame.grey
        if self.masks is not None and frame.mask is not None:
            self.masks[place] = frame.mask
        if self.leak_class is not None and frame.leak_class is not None:
            self.leak_class[place] = frame.leak_class

    def build(self, first_frame: int) -> Clip:
        return Clip(
            index=first_frame // len(self.frames),
            first_frame=first_frame,
            frames=self.frames,
            mask_source="none" if self.masks is None else "synthetic",
            masks=self.masks,
            leak_class=self.leak_class,
        )
