"""A video to ingest: its frames, its masks and its metadata."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from fgstp.core.errors import UserError
from fgstp.footage.grey import GreySpan, to_levels
from fgstp.footage.masks import Masks
from fgstp.footage.timing import Timing

Background = Literal["clear", "complex"]
Split = Literal["train", "validation", "test"]
MaskSource = Literal["annotated", "synthetic", "pseudo", "none"]

CLASS_DURATION_S = 180.0
BEFORE_RELEASE, AFTER_RELEASE = -1, 8  # beside the leak classes 0 to 7
MAX_ID_BYTES = 200  # names of files are longer, and may have 255


class Frame(NamedTuple):
    """A frame from a source.

    Attributes:
        counts: (H, W) uint8 or uint16, as they are stored.
        mask: (H, W) uint8: 0, 1, or 255 for void; None if the source has no mask of this frame.
        leak_class: leak class; None if the source does not know it.
        time_s: seconds since the beginning; None for a constant frame rate.
        place: place in the file, from 0, which counts frames that cannot be decoded; None if
            every frame can.
        span: counts that are black and white; None if counts of 8 bits are grey levels, and for
            16 bits, whose span is measured.
    """

    counts: NDArray[np.integer]
    mask: NDArray[np.uint8] | None = None
    leak_class: int | None = None
    time_s: float | None = None
    place: int | None = None
    span: GreySpan | None = None

    @property
    def grey(self) -> NDArray[np.integer]:
        """(H, W) uint8 grey levels, or the counts where no span is known."""
        if self.span is None:
            return self.counts
        levels = np.empty(self.counts.shape, np.uint8)
        to_levels(self.counts, self.span, levels)
        return levels


class FrameSource(Protocol):
    """Source of the frames of a video: a file, a folder of pictures, a generator."""

    @property
    def timing(self) -> Timing | None:
        """Times of all frames, also of those that cannot be decoded; None for a constant rate."""

    def n_frames_hint(self) -> int | None:
        """Number of frames, if it is known without reading them all."""

    def fps_hz(self) -> float | None:
        """Frame rate; None if the source does not tell it."""

    def signature(self) -> str:
        """String that changes whenever the content may have changed; quick to compute."""

    def content_hash(self) -> str:
        """Hexadecimal SHA-256 of the content."""

    def sample(self, n_frames: int) -> Iterator[NDArray[np.integer]]:
        """Counts of frames that are spread evenly, at least so many, or of all frames."""

    def frames(self, remarks: list[str]) -> Iterator[Frame]:
        """Iterate over all frames in the order of time; `remarks` is extended at their end."""


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

    def classes(self, times_s: NDArray[np.float64]) -> NDArray[np.int8]:
        """Compute leak classes: (T,) int8, 0 to 7, -1 before the release, 8 after it.

        Args:
            times_s: (T,) seconds since the beginning of the video.
        """
        times_s = times_s + 1e-6  # a time that was scaled may lie just before its second
        since_class_1 = np.floor((times_s - self.class_1_start_s) / CLASS_DURATION_S) + 1
        leak_class = np.clip(since_class_1, 0, AFTER_RELEASE)
        leak_class[times_s < self.class_0_start_s] = BEFORE_RELEASE
        return leak_class.astype(np.int8)


@dataclass(frozen=True)
class Video:
    """A video that can be ingested.

    Attributes:
        name: its id, such as `MOV_1467`.
        frames: source of its frames.
        split: its split.
        mask_source: kind of its masks, `none` without any.
        masks: its masks; None if there is none or the frames have masks of their own.
        fps_hz: true frame rate where it differs from that of the file.
        distance_m: distance to the leak.
        background: `clear` or `complex`; None to have it measured.
        schedule: leak schedule; None if there is none or the frames have classes of their own.
        remarks: remarks for the video table, such as guesses.
    """

    name: str
    frames: FrameSource
    split: Split
    mask_source: MaskSource = "none"
    masks: Masks | None = None
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
        error: one sentence that says what is wrong, where, and how to correct it.
        split: its split, if it is known.
    """

    name: str
    error: str
    split: Split | None = None


def fault_of_name(name: str) -> str | None:
    """Why files and tables cannot hold an id; None if they can."""
    try:
        n_bytes = len(name.encode())
    except UnicodeEncodeError:
        return "has a name that is not UTF-8; rename it"
    if n_bytes > MAX_ID_BYTES:
        return f"has a name of more than {MAX_ID_BYTES} bytes; rename it"
    if not name.isprintable() or "/" in name or name.startswith(".") or not name.strip():
        return "has a name with a line break, a slash or a dot in front; rename it"
    return None
