"""A video to be ingested: where its frames and masks are and what is known of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from fgstp.core.errors import UserError
from fgstp.footage.masks import MaskFolder

Background = Literal["clear", "complex"]
Split = Literal["train", "validation", "test"]
MaskSource = Literal["annotated", "synthetic", "pseudo", "none"]

CLASS_DURATION_S = 180.0
BEFORE_RELEASE, AFTER_RELEASE = -1, 8  # beside the leak classes 0 to 7


class Frame(NamedTuple):
    """One frame as its source gives it.

    Attributes:
        grey: (H, W) uint8 or uint16.
        mask: (H, W) uint8, 0/1; None where the source itself has no mask of this frame.
        leak_class: leak class; None where the source itself does not know it.
        time_s: seconds since the beginning; None where frames follow each other evenly.
        place: place in the file, from 0, counting frames too that cannot be decoded; None where
            there are no such frames.
    """

    grey: NDArray[np.integer]
    mask: NDArray[np.uint8] | None = None
    leak_class: int | None = None
    time_s: float | None = None
    place: int | None = None


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

    def frames(self, remarks: list[str]) -> Iterator[Frame]:
        """All frames in the order of time; at their end, `remarks` gets what is to be said."""


@dataclass(frozen=True)
class LeakSchedule:
    """Eight leak classes of three minutes each (GasNet, Wang et al. 2020).

    Class 0 lasts from its own start to that of class 1, which is not always three
    minutes: MOV_2568 and MOV_2582 differ. The rates are in `fgstp.plumes`.

    Attributes:
        class_0_start_s: second of the video at which class 0 begins.
        class_1_start_s: second at which class 1 begins.
    """

    class_0_start_s: float
    class_1_start_s: float

    def __post_init__(self) -> None:
        if not 0 <= self.class_0_start_s < self.class_1_start_s:
            raise UserError(
                f"A leak schedule needs 0 <= leak0_start_s < leak1_start_s, but has "
                f"{self.class_0_start_s:g} and {self.class_1_start_s:g}; correct the table."
            )

    def classes(self, first_frame: int, n_frames: int, fps_hz: float) -> NDArray[np.int8]:
        """Leak class of frames: (n_frames,) int8, 0 to 7, -1 before the release, 8 after it."""
        second = (first_frame + np.arange(n_frames)) / fps_hz
        since_class_1 = np.floor((second - self.class_1_start_s) / CLASS_DURATION_S) + 1
        leak_class = np.clip(since_class_1, 0, AFTER_RELEASE)
        leak_class[second < self.class_0_start_s] = BEFORE_RELEASE
        return leak_class.astype(np.int8)


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
    remarks: tuple[str, ...] = ()


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
