"""Reading a video to its end: frames with masks and leak classes, cut into clips and judged."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import chain
from typing import NamedTuple

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from fgstp.core.errors import FootageError
from fgstp.footage.categories import LeakFreeClips, category_name
from fgstp.footage.contrast import Contrast
from fgstp.footage.cutting import ClipCutter, Stretch, read_ahead
from fgstp.footage.descriptors import ClipDescriptor, DuplicateFilter, describe
from fgstp.footage.grey import SAMPLED_FRAMES, GreySpan, measure_span
from fgstp.footage.mask_pictures import with_void_band
from fgstp.footage.numbering import mask_numbers
from fgstp.footage.odd_frames import OddFrames
from fgstp.footage.pseudo_masks import add_pseudo_masks
from fgstp.footage.settings import IngestSettings
from fgstp.footage.timing import DEFAULT_FPS_HZ
from fgstp.footage.video import Frame, Video
from fgstp.footage.video_store import Row

Take = Callable[[Stretch], object]


@contextmanager
def as_footage_error() -> Iterator[None]:
    """Turn what the libraries of video and pictures raise in the block into a `FootageError`."""
    try:
        yield
    except cv2.error as error:
        raise FootageError(f"OpenCV cannot work with it ({error.err}); convert it") from error
    except av.FFmpegError as error:
        raise FootageError(
            f"FFmpeg cannot work with it ({error.strerror}); copy it again or convert it"
        ) from error
    except MemoryError as error:
        raise FootageError(
            "it takes more memory than there is; scale it down or lower ingest.clip_length_frames"
        ) from error


class Reading(NamedTuple):
    """What reading a video to its end found out.

    Attributes:
        row: its row of the video table, but for `remarks` and `sha256`.
        clips: its rows of the clip table.
        descriptors: descriptors of all clips.
        remarks: sentences for the video table.
    """

    row: Row
    clips: list[Row]
    descriptors: list[ClipDescriptor]
    remarks: list[str]


@as_footage_error()
def read_through(video: Video, settings: IngestSettings, take: Take) -> Reading:
    """Read a video to its end, and judge its clips.

    Args:
        video: the video.
        settings: all of ingest's settings.
        take: called with each stretch of frames, in order.

    Raises:
        FootageError: the video cannot be used.
    """
    work = _VideoWork(video, settings, take)
    work.run()
    return Reading(work.video_row(), work.rows, work.descriptors, work.remarks)


class _VideoWork:
    """A video while it is being ingested."""

    def __init__(self, video: Video, settings: IngestSettings, take: Take) -> None:
        self.video = video
        self.settings = settings
        self.take = take
        self.remarks = list(video.remarks)
        stated_hz = video.frames.fps_hz()
        self.fps_hz = video.fps_hz or stated_hz or DEFAULT_FPS_HZ
        self.time_scale = (stated_hz or self.fps_hz) / self.fps_hz  # where the table corrects it
        if not (video.fps_hz or stated_hz):
            self.remarks.append(f"frame rate unknown, taken as {DEFAULT_FPS_HZ:g} Hz")
        self._read = video.frames.frames(self.remarks)
        self._first = next(self._read, None)
        self.span = self._measured_span()
        self.rows: list[Row] = []
        self.descriptors: list[ClipDescriptor] = []
        self.leak_free = LeakFreeClips(settings.categories, self.fps_hz)
        self.watchers = (OddFrames(), Contrast(has_span=self.span is not None))
        self.size = (0, 0)
        self.n_frames = self.n_annotated = 0

    def _measured_span(self) -> GreySpan | None:
        """Span of 16-bit footage; None for 8 bits, which stay as they are."""
        if self._first is None or self._first.counts.dtype == np.uint8:
            return None
        sample = self.video.frames.sample(SAMPLED_FRAMES)
        span, remarks = measure_span(sample, self.settings.span)
        self.remarks += remarks
        return span

    def run(self) -> None:
        settings, length = self.settings, self.settings.clip_length_frames
        duplicates = DuplicateFilter(**settings.duplicates.model_dump())
        cutter = ClipCutter(length, self.video.mask_source, self.video.schedule)
        clips = read_ahead(cutter.clips(self._frames()))
        if settings.pseudo_masks.enabled:
            clips = add_pseudo_masks(clips, settings.pseudo_masks, self.fps_hz)
        for clip in clips:
            self._watch(clip)
            self._judge(clip, duplicates)
            self._hand_over(clip)
        if (rest := cutter.left_over) is not None:
            self._watch(rest)
            self._hand_over(rest)
        if self.n_frames == 0:
            raise FootageError("it holds no frame that can be decoded; copy it again")
        if self.n_frames < length:
            raise FootageError(
                f"it has {self.n_frames} frames, but a clip takes {length}; use longer "
                "footage or lower ingest.clip_length_frames"
            )
        self.remarks += [remark for each in self.watchers for remark in each.remarks()]
        if self.video.masks:
            self.remarks += self.video.masks.remarks
        if 0 < self.n_annotated < self.n_frames:
            self.remarks.append(f"{self.n_annotated} of {self.n_frames} frames have a mask")

    def _frames(self) -> Iterator[Frame]:
        """The frames with spans, times and masks as far as they are known."""
        first = [] if self._first is None else [self._first]
        for number, frame in enumerate(chain(first, self._read)):
            known_s, place = frame.time_s, number if frame.place is None else frame.place
            yield Frame(
                frame.counts,
                self._mask(place, frame),
                frame.leak_class,
                number / self.fps_hz if known_s is None else known_s * self.time_scale,
                span=self.span or frame.span,
            )

    @cached_property
    def _mask_numbers(self) -> NDArray[np.int64]:
        source, masks = self.video.frames, self.video.masks
        assert masks is not None
        timing = source.timing
        if timing is not None:
            n_frames = len(timing.times_s)
        else:
            n_frames = source.n_frames_hint() or sum(1 for _ in source.frames([]))
        return mask_numbers(masks.numbers, n_frames, timing, self.remarks)

    def _mask(self, place: int, frame: Frame) -> NDArray[np.uint8] | None:
        masks = self.video.masks
        if masks is None:
            return frame.mask
        number = int(self._mask_numbers[place])
        if number not in masks.numbers:
            return None
        height, width = frame.counts.shape
        mask = masks.read(number, (height, width))
        return with_void_band(mask, self.settings.masks.void_band_px)

    def _watch(self, stretch: Stretch) -> None:
        for watcher in self.watchers:
            watcher.take(stretch.frames, stretch.times_s)

    def _hand_over(self, stretch: Stretch) -> None:
        self.take(stretch)
        self.size = stretch.frames.shape[1:]
        self.n_frames += len(stretch.frames)
        self.n_annotated += len(stretch.annotated)

    def _judge(self, clip: Stretch, duplicates: DuplicateFilter) -> None:
        """Describe a clip, decide whether it is kept, and add its row."""
        descriptor = describe(clip.frames)
        self.descriptors.append(descriptor)
        self.leak_free.take(clip, descriptor)
        # Without masks, test footage is scored over time, which must have no holes.
        is_kept = self.video.split == "test" and not len(clip.annotated)
        match = None if is_kept else duplicates.repeats(clip.index, descriptor)
        self.rows.append(
            {
                "clip": self._clip_name(clip.index),
                "video": self.video.name,
                "first_frame": clip.first_frame,
                "frames": len(clip.frames),
                "split": self.video.split,
                "leak_class": clip.main_class(),
                "mask_source": clip.mask_source,
                "annotated_frames": len(clip.annotated),
                "gas_fraction": clip.gas_fraction(),
                "void_fraction": clip.void_fraction(),
                "dropped": match and "duplicate",
                "repeats": match and self._clip_name(match[0]),
                "similarity": match and match[1],
                "content_hash": clip.content_hash(),
            }
        )

    def _clip_name(self, index: int) -> str:
        return f"{self.video.name}_{index:04d}"

    def video_row(self) -> Row:
        """Row of the video table, once all frames are written."""
        video = self.video
        background = video.background or self.leak_free.background(self.remarks)
        kept = [row for row in self.rows if row["dropped"] is None]
        sources = sorted({row["mask_source"] for row in kept} - {"none"})
        return {
            "video": video.name,
            "frames": self.n_frames,
            "fps_hz": self.fps_hz,
            "height_px": self.size[0],
            "width_px": self.size[1],
            "distance_m": video.distance_m,
            "background": background,
            "category": category_name(video.distance_m, background, self.settings.categories),
            "split": video.split,
            "mask_source": "+".join(sources) or "none",
            "clips": len(self.rows),
            "clips_distinct": len(kept),
            "frames_left_over": self.n_frames - sum(row["frames"] for row in self.rows),
            "low_counts": self.span and self.span.low_counts,
            "high_counts": self.span and self.span.high_counts,
            "error": None,
        }
