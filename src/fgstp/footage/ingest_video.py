"""Ingest of one video: from its frames to its clips, with a record of what came out."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice

import numpy as np

from fgstp.core.errors import FootageError
from fgstp.footage.categories import category_name, measure_background
from fgstp.footage.clip_store import ClipStore
from fgstp.footage.clips import Clip, ClipCutter, read_ahead
from fgstp.footage.descriptors import ClipDescriptor, describe
from fgstp.footage.duplicates import DuplicateFilter
from fgstp.footage.fingerprints import text_hash
from fgstp.footage.grey import GreySpan, measure_span
from fgstp.footage.pseudo_masks import add_pseudo_masks
from fgstp.footage.records import RecordStore, Row, VideoRecord
from fgstp.footage.settings import IngestSettings
from fgstp.footage.video import Frame, Video

RECORD_VERSION = 1  # to be raised whenever the same footage gives other clips
DEFAULT_FPS_HZ = 15.0
DUPLICATE, NO_MASKS = "duplicate", "masks missing"

Progress = Callable[[int], None]


def ingest_video(
    video: Video,
    clips: ClipStore,
    records: RecordStore,
    settings: IngestSettings,
    progress: Progress,
) -> VideoRecord:
    """Cut one video into clips, drop duplicates, write the rest; or find it done already.

    Memory holds three clips, and with pseudo masks as many more as their window spans; it
    does not grow with the video.

    Args:
        video: what to ingest.
        clips: where clips are written.
        records: where finished videos are remembered.
        settings: all of ingest's settings.
        progress: called with the number of frames whenever some more are done.

    Returns:
        The rows of the tables.

    Raises:
        FootageError: this video cannot be used; its clips of an earlier run may be there.
        UserError: the disk is full or a folder cannot be written.
    """
    settings_key = text_hash(_relevant(video, settings))
    done = _finished(video, clips, records, settings_key)
    if done is not None:
        progress(done.video["frames"])
        return done
    # A half-done run with other settings must not pass for the one that the record is of.
    records.forget(video.name)
    signature, content = _signature(video), video.frames.content_hash()
    work = _VideoWork(video, clips, settings)
    record = work.run(content, progress)
    keys = {"settings": settings_key, "signature": signature}
    rows = {"video": record.video, "clips": record.clips}
    records.write(video.name, keys | rows, work.descriptors)
    return record


def _relevant(video: Video, settings: IngestSettings) -> str:
    """Everything besides the footage that decides what comes out, as text."""
    facts = (
        RECORD_VERSION,
        video.name,
        video.split,
        video.mask_source,
        video.fps_hz,
        video.distance_m,
        video.background,
        video.schedule,
        video.remarks,
        settings.clip_length_frames,
        settings.span,
        settings.categories,
        settings.duplicates,
        settings.pseudo_masks,
    )
    return repr(facts)


def _signature(video: Video) -> str:
    masks = video.masks.signature() if video.masks else ""
    return text_hash(video.frames.signature() + masks)


def _finished(
    video: Video, clips: ClipStore, records: RecordStore, settings_key: str
) -> VideoRecord | None:
    """The record of an earlier run with the same footage and settings, if its clips are there."""
    record = records.read(video.name)
    if record is None or record["settings"] != settings_key:
        return None
    if record["signature"] != _signature(video):
        return None
    for row in record["clips"]:
        there = clips.holds(
            row["clip"],
            with_masks=row["mask_source"] != "none",
            with_leak_class=row["leak_class"] is not None,
        )
        if row["dropped"] is None and not there:
            return None
    return VideoRecord(record["video"], record["clips"])


class _VideoWork:
    """One video while it is being ingested."""

    def __init__(self, video: Video, store: ClipStore, settings: IngestSettings) -> None:
        self.video = video
        self.store = store
        self.settings = settings
        stated_hz = video.fps_hz or video.frames.fps_hz()
        self.fps_hz = stated_hz or DEFAULT_FPS_HZ
        self.descriptors: list[ClipDescriptor] = []
        self.rows: list[Row] = []
        self.remarks = list(video.remarks)
        if stated_hz is None:
            self.remarks.append(f"frame rate unknown, taken as {DEFAULT_FPS_HZ:g} Hz")
        self.leak_free: list[ClipDescriptor] = []
        self.size: tuple[int, int] = (0, 0)

    def run(self, content_hash: str, progress: Progress) -> VideoRecord:
        cutter = ClipCutter(self.settings.clip_length_frames)
        duplicates = DuplicateFilter(
            self.settings.duplicates.threshold, self.settings.duplicates.floor_levels
        )
        span = self._span()
        stream = cutter.clips(eight_bit(iter(self.video.frames), span))
        for clip in self._labelled(read_ahead(stream)):
            self._take(clip, duplicates)
            progress(len(clip.frames))
        cutter.check_length()
        progress(cutter.left_over())
        if self.video.masks:
            self.video.masks.check_fits(cutter.n_frames)
        return VideoRecord(self._video_row(cutter, content_hash, span), self.rows)

    def _span(self) -> GreySpan | None:
        """The span of 16-bit footage; None for 8 bits, which stay as they are."""
        first = next(islice(self.video.frames, 1), None)
        if first is None or first.grey.dtype == np.uint8:
            return None
        n_frames = self.video.frames.n_frames_hint() or 1
        counts = (frame.grey for frame in self.video.frames)
        return measure_span(counts, n_frames, self.settings.span)

    def _labelled(self, clips: Iterator[Clip]) -> Iterator[Clip]:
        """Clips with their masks and leak classes, as far as there are any."""
        labelled = (self._with_leak_class(self._with_masks(clip)) for clip in clips)
        if self.settings.pseudo_masks.enabled:
            return add_pseudo_masks(labelled, self.settings.pseudo_masks, self.fps_hz)
        return labelled

    def _with_masks(self, clip: Clip) -> Clip:
        if self.video.masks is None or self._lacks_masks(clip):
            return clip
        masks = self.video.masks.read(clip.first_frame, clip.frames.shape)
        return replace(clip, masks=masks, mask_source=self.video.mask_source)

    def _lacks_masks(self, clip: Clip) -> list[int]:
        if self.video.masks is None:
            return []
        return self.video.masks.missing(clip.first_frame, len(clip.frames))

    def _with_leak_class(self, clip: Clip) -> Clip:
        if self.video.schedule is None:
            return clip
        classes = self.video.schedule.classes(clip.first_frame, len(clip.frames), self.fps_hz)
        return replace(clip, leak_class=classes)

    def _take(self, clip: Clip, duplicates: DuplicateFilter) -> None:
        """Judge a clip, write it if it is kept, and note its row."""
        self.size = clip.frames.shape[1:]
        descriptor = describe(clip.frames)
        self.descriptors.append(descriptor)
        if self._is_leak_free(clip):
            self.leak_free.append(descriptor)
        row = self._clip_row(clip)
        missing = self._lacks_masks(clip)
        if 0 < len(missing) < len(clip.frames):
            row |= {"dropped": NO_MASKS}
            self.remarks.append(_missing_masks_remark(clip, missing))
        elif match := duplicates.repeats(clip.index, descriptor):
            repeated = self.clip_name(match.index)
            row |= {"dropped": DUPLICATE, "repeats": repeated, "similarity": match.similarity}
        else:
            self.store.write(row["clip"], clip)
        self.rows.append(row)

    def clip_name(self, index: int) -> str:
        return f"{self.video.name}_{index:04d}"

    def _clip_row(self, clip: Clip) -> Row:
        return {
            "clip": self.clip_name(clip.index),
            "video": self.video.name,
            "first_frame": clip.first_frame,
            "frames": len(clip.frames),
            "split": self.video.split,
            "leak_class": clip.main_class(),
            "mask_source": clip.mask_source,
            "gas_fraction": None if clip.masks is None else round(float(clip.masks.mean()), 6),
            "dropped": None,
            "repeats": None,
            "similarity": None,
        }

    def _is_leak_free(self, clip: Clip) -> bool:
        if clip.leak_class is not None:
            return bool((clip.leak_class <= 0).all())
        if clip.masks is not None and clip.mask_source != "pseudo":
            return not clip.masks.any()
        end_s = (clip.first_frame + len(clip.frames)) / self.fps_hz
        return end_s <= self.settings.categories.opening_s

    def _leak_free_stretch(self) -> str:
        if self.video.schedule is not None:
            return "leak class 0"
        if self.video.masks is not None:
            return "clips whose masks are empty"
        return f"its first {self.settings.categories.opening_s:g} s, taken to be free of gas"

    def _video_row(self, cutter: ClipCutter, content_hash: str, span: GreySpan | None) -> Row:
        video, height_width = self.video, self.size
        background = video.background
        if background is None:
            measured = measure_background(self.leak_free, self.settings.categories)
            if measured is None:
                self.remarks.append("background unknown: no clip is free of gas; fill it in")
            else:
                background, share = measured
                self.remarks.append(
                    f"background measured in {self._leak_free_stretch()}: {background}, "
                    f"{share:.1%} of it moves"
                )
        kept = [row for row in self.rows if row["dropped"] is None]
        return {
            "video": video.name,
            "frames": cutter.n_frames,
            "fps_hz": self.fps_hz,
            "height_px": height_width[0],
            "width_px": height_width[1],
            "distance_m": video.distance_m,
            "background": background,
            "category": category_name(video.distance_m, background, self.settings.categories),
            "split": video.split,
            "mask_source": kept_mask_source(self.rows),
            "clips": len(self.rows),
            "clips_distinct": len(kept),
            "frames_left_over": cutter.left_over(),
            "low_counts": None if span is None else span.low_counts,
            "high_counts": None if span is None else span.high_counts,
            "sha256": content_hash,
            "remarks": "; ".join(self.remarks),
            "error": None,
        }


def eight_bit(frames: Iterator[Frame], span: GreySpan | None) -> Iterator[Frame]:
    """Map 16-bit frames to 8 bits by one span; without a span frames pass as they are."""
    if span is None:
        return frames
    table = span.table()
    return (frame._replace(grey=table[frame.grey]) for frame in frames)


def kept_mask_source(rows: list[Row]) -> str:
    """Kinds of masks among the clips of a video, joined by a plus."""
    kinds = sorted({row["mask_source"] for row in rows if row["dropped"] is None} - {"none"})
    return "+".join(kinds) or "none"


def _missing_masks_remark(clip: Clip, missing: list[int]) -> str:
    last = clip.first_frame + len(clip.frames) - 1
    return (
        f"{len(missing)} masks are missing in frames {clip.first_frame} to {last}, the first "
        f"is that of frame {missing[0]}: the clip is left out; add them or remove the others"
    )


def refused_row(name: str, split: str | None, error: FootageError | str) -> Row:
    """Row of the video table for a video that cannot be used."""
    return {"video": name, "split": split, "clips": 0, "clips_distinct": 0, "error": str(error)}
