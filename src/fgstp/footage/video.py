"""A video to be ingested: where its frames and masks are and what is known of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from fgstp.footage.categories import Background
from fgstp.footage.leak_schedule import LeakSchedule
from fgstp.footage.masks import MaskFolder

Split = Literal["train", "validation", "test"]
MaskSource = Literal["annotated", "synthetic", "pseudo", "none"]


class Frame(NamedTuple):
    """One frame as its source gives it.

    Attributes:
        grey: (H, W) uint8 or uint16.
        mask: (H, W) uint8, 0/1; None where the source itself has no mask of this frame.
        leak_class: leak class; None where the source itself does not know it.
        time_s: seconds since the beginning; None where frames follow each other evenly.
    """

    grey: NDArray[np.integer]
    mask: NDArray[np.uint8] | None = None
    leak_class: int | None = None
    time_s: float | None = None


class FrameSource(Protocol):
    """Where the frames of a video come from: a file, a folder of pictures, a generator."""

    def n_frames_hint(self) -> int | None:
        """Number of frames as far as it is known without reading them all."""

    def fps_hz(self) -> float | None:
        """Frame rate that the source states, None if it states none."""

    def signature(self) -> str:
        """Changes whenever the content may have changed; quick to compute."""

    def content_hash(self) -> str:
        """Hexadecimal SHA-256 of the content."""

    def __iter__(self) -> Iterator[Frame]:
        """All frames in the order of time, from the first each time."""


@dataclass(frozen=True)
class Video:
    """A video that can be ingested.

    Attributes:
        name: its id, such as `MOV_1467`.
        frames: where its frames come from.
        split: what it is for.
        mask_source: what kind of masks it has, `none` without any.
        masks: folder of masks; None where there is none or the frames bring their masks.
        fps_hz: true frame rate where it differs from what the file says.
        distance_m: distance to the leak.
        background: `clear` or `complex`; None to have it measured.
        schedule: leak schedule; None where there is none or the frames bring their class.
        remarks: what a reader of the video table should know, such as guesses.
    """

    name: str
    frames: FrameSource
    split: Split
    mask_source: MaskSource = "none"
    masks: MaskFolder | None = None
    fps_hz: float | None = None
    distance_m: float | None = None
    background: Background | None = None
    schedule: LeakSchedule | None = None
    remarks: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class RefusedVideo:
    """A video that cannot be ingested.

    Attributes:
        name: its id.
        error: one sentence: what is wrong, where, and how to mend it.
        split: what it was meant for, if that is known.
    """

    name: str
    error: str
    split: Split | None = None
