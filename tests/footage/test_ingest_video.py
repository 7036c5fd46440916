"""Ingest of one video whose frames come from memory."""

import subprocess
import sys
import tracemalloc
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from fgstp.core.errors import FootageError
from fgstp.footage.ingest_video import ingest_video
from fgstp.footage.masks import find_masks
from fgstp.footage.settings import IngestSettings
from fgstp.footage.timing import Timing
from fgstp.footage.video import Frame, LeakSchedule, Video
from fgstp.footage.video_store import VideoStore


@dataclass
class InMemory:
    """Frames from a list; counts how often they are gone through.

    `shown` are the places of those that can be decoded, of as many as there are times.
    """

    pictures: object
    masks: object = None
    classes: object = None
    rate_hz: float | None = 15.0
    times_s: object = None
    shown: object = None
    passes: int = 0

    @property
    def timing(self):
        return None if self.times_s is None else Timing.of(self.times_s, self.rate_hz)

    def n_frames_hint(self):
        return len(self.pictures)

    def fps_hz(self):
        return self.rate_hz

    def signature(self):
        return f"{len(self.pictures)} frames"

    content_hash = signature

    def sample(self, n_frames):
        return iter(self.pictures[:: max(1, len(self.pictures) // n_frames)])

    def frames(self, remarks):
        self.passes += 1
        places = range(len(self.pictures)) if self.shown is None else self.shown
        for number, (grey, place) in enumerate(zip(self.pictures, places, strict=True)):
            yield Frame(
                grey,
                None if self.masks is None else self.masks[number],
                None if self.classes is None else self.classes[number],
                None if self.times_s is None else self.times_s[place],
                None if self.shown is None else place,
            )


class Work:
    """Ingests into one folder."""

    def __init__(self, folder):
        self.store = VideoStore(folder / "videos")
        self.done = []

    def __call__(self, video, **changes):
        basis = {"source": "folder", "clip_length_frames": 10}
        settings = IngestSettings.model_validate(basis | changes)
        self.done = []
        return ingest_video(video, self.store, settings, self.done.append)

    def clip(self, index):
        """A clip of the video `v`."""
        return self.store.clip("v", 10 * index, 10)


@pytest.fixture
def work(tmp_path):
    return Work(tmp_path)


@pytest.fixture
def frames(footage):
    return footage.frames([5, 40, 20], left_over=7)


def test_progress_adds_up_to_the_frames_of_the_video_also_when_it_is_done(work, frames):
    video = Video("v", InMemory(frames), "train")
    first = work(video)
    assert sum(work.done) == 37
    assert len(work.done) >= 3  # it moves while the video goes on
    second = work(video)
    assert sum(work.done) == 37
    assert second == first
    assert video.frames.passes == 1


def test_record_holds_rows_and_descriptors_of_all_clips(work, footage):
    frames = footage.frames([5, 40, 5])
    record = work(Video("v", InMemory(frames), "train"))
    assert [row["dropped"] for row in record["clips"]] == [None, None, "duplicate"]
    assert work.store.record("v") == record
    maps = work.store.descriptors("v")
    assert maps.shape == (3, 3, 24, 32)
    # By hand: where the blob flickers, a third of the time or so, is where the clip changes.
    columns = maps[:, 1].max(axis=1).argmax(axis=1) * 64 / 32
    assert 5 <= columns[0] < 15
    assert 40 <= columns[1] < 50
    assert 5 <= columns[2] < 15


def test_masks_and_leak_classes_of_the_source_itself(work, frames, footage):
    masks = footage.masks(37)
    classes = [0] * 14 + [3] * 23
    video = Video("v", InMemory(frames, masks, classes), "test", mask_source="synthetic")
    record = work(video)
    assert [row["leak_class"] for row in record["clips"]] == [0, 3, 3]
    assert [row["mask_source"] for row in record["clips"]] == ["synthetic"] * 3
    np.testing.assert_array_equal(work.clip(1).masks(), masks[10:20])
    whole = work.store.clip("v")  # with the frames that fill no clip
    np.testing.assert_array_equal(whole.frames, frames)
    np.testing.assert_array_equal(whole.masks(), masks)
    assert whole.leak_class.tolist() == classes


def test_times_are_those_of_the_frames_or_follow_from_the_frame_rate(work, frames):
    own = 0.1 + np.arange(37) ** 1.5
    for video, expected in (
        (Video("v", InMemory(frames, times_s=own), "train"), own),
        # Another rate stretches the times, and what lies between them.
        (Video("v", InMemory(frames, times_s=own), "train", fps_hz=5.0), own * 15 / 5),
        (Video("v", InMemory(frames), "train"), np.arange(37) / 15),
        (Video("v", InMemory(frames), "train", fps_hz=5.0), np.arange(37) / 5),
    ):
        work(video)
        np.testing.assert_allclose(work.store.clip("v").times_s, expected, rtol=1e-15)


@pytest.mark.parametrize("in_folder", [False, True])
def test_some_masks_are_enough(work, frames, footage, tmp_path, in_folder):
    every = footage.masks(37)
    if in_folder:
        folder = footage.pictures(tmp_path / "masks", 255 * every)
        for path in folder.iterdir():
            if int(path.stem) not in (3, 8, 31):
                path.unlink()
        masks = find_masks(folder, Path("v.mkv"), {})
        record = work(Video("v", InMemory(frames), "train", "annotated", masks))
    else:
        masks = [mask if number in (3, 8, 31) else None for number, mask in enumerate(every)]
        record = work(Video("v", InMemory(frames, masks), "train", "annotated"))
    rows = record["clips"]
    facts = [(row["annotated_frames"], row["mask_source"], row["dropped"]) for row in rows]
    assert facts == [(2, "annotated", None), (0, "none", None), (0, "none", None)]
    assert rows[0]["gas_fraction"] == pytest.approx(every[[3, 8]].mean(), abs=1e-6)
    assert rows[1]["gas_fraction"] is None
    assert work.clip(0).annotated.tolist() == [3, 8]
    np.testing.assert_array_equal(work.store.clip("v").masks(), every[[3, 8, 31]])
    assert "3 of 37 frames have a mask" in record["video"]["remarks"]
    assert (
        "have a mask" not in work(Video("v", InMemory(frames, every), "train"))["video"]["remarks"]
    )


def test_leak_classes_of_a_schedule_use_the_true_frame_rate(work, frames):
    # At 1 Hz class 0 begins at frame 12 and class 1 at frame 25.
    video = Video("v", InMemory(frames), "train", fps_hz=1.0, schedule=LeakSchedule(12, 25))
    record = work(video)
    assert record["video"]["fps_hz"] == 1.0
    classes = [work.clip(index).leak_class.tolist() for index in range(3)]
    assert classes == [[-1] * 10, [-1] * 2 + [0] * 8, [0] * 5 + [1] * 5]
    assert [row["leak_class"] for row in record["clips"]] == [-1, 0, 0]


@pytest.mark.parametrize("fps_hz", [None, 5.0])
def test_leak_classes_go_by_time_across_a_gap(work, frames, fps_hz):
    # Between the frames 19 and 20 of a video at 15 Hz, 30 frames are missing.
    places = np.concatenate([np.arange(20), 50 + np.arange(17)])
    scale = 1 if fps_hz is None else 3
    source = InMemory(frames, times_s=places / 15.0)
    schedule = LeakSchedule(10 / 15 * scale, 55 / 15 * scale)
    work(Video("v", source, "train", fps_hz=fps_hz, schedule=schedule))
    clip = work.store.clip("v")
    np.testing.assert_allclose(clip.times_s, places / 15 * scale, rtol=1e-12)
    assert clip.leak_class.tolist() == [-1] * 10 + [0] * 15 + [1] * 12


GAP = np.concatenate([np.arange(15), 25 + np.arange(22)])  # places of 37 frames, of 47


@pytest.mark.parametrize(
    ("annotated", "counted"),
    [
        (range(47), "time"),  # masks are older than the gap
        (range(0, 47, 5), "time"),
        (range(1, 48), "time from 1"),
        (range(37), "file"),
        (range(1, 38), "file from 1"),
        ([3, 46], "time"),
        ([3, 47], None),
    ],
)
def test_a_marked_frame_and_its_mask_stay_together(
    work, write_picture, tmp_path, annotated, counted
):
    # A square marks each frame by its place, and the mask of that number has the same square.
    def marked(place):
        mask = np.zeros((48, 64), np.uint8)
        mask[place : place + 2, place : place + 2] = 1
        return mask

    by_time, first = counted != "file" and "file" not in (counted or ""), "1" in (counted or "")
    places = GAP if by_time else np.arange(37)
    for number in annotated:
        write_picture(tmp_path / f"masks/{number:04d}.png", marked(number - first))
    masks = find_masks(tmp_path / "masks", Path("v.mkv"), {})
    pictures = np.stack([100 * marked(place) + 50 for place in places])
    video = Video("v", InMemory(pictures, times_s=GAP / 15.0), "train", "annotated", masks)
    if counted is None:
        with pytest.raises(FootageError, match="beyond"):
            work(video)
        return
    record = work(video)
    clip = work.store.clip("v")
    np.testing.assert_array_equal(clip.masks() == 1, clip.frames[clip.annotated] == 150)
    shown = [number for number, place in enumerate(places) if place + first in annotated]
    assert clip.annotated.tolist() == shown
    assert ("counted by time" in record["video"]["remarks"]) == by_time


def test_frames_that_cannot_be_decoded_shift_no_mask(work, frames, footage, tmp_path):
    shown = [place for place in range(40) if place not in (4, 5, 23)]
    every = footage.masks(40)
    folder = footage.pictures(tmp_path / "masks", 255 * every)
    masks = find_masks(folder, Path("v.mkv"), {})
    source = InMemory(frames, times_s=np.arange(40) / 15.0, shown=shown)
    work(Video("v", source, "train", "annotated", masks))
    np.testing.assert_array_equal(work.store.clip("v").masks(), every[shown])


def test_void_stays_beside_gas_and_has_a_band(work, frames, write_picture, tmp_path):
    mask = np.zeros((48, 64), np.uint8)
    mask[10:30, 10:30] = 1
    labels = mask.copy()
    labels[40:44, 50:60] = 2
    for number in (3, 12):
        write_picture(tmp_path / f"masks/{number}.png", labels if number == 3 else mask)
    masks = find_masks(tmp_path / "masks", Path("v.mkv"), {"1": "gas", "2": "void"})
    video = Video("v", InMemory(frames), "train", "annotated", masks)
    rows = {band: work(video, masks={"void_band_px": band})["clips"] for band in (0, 2)}
    assert rows[0][0]["gas_fraction"] == pytest.approx(400 / (48 * 64 - 40), abs=1e-6)
    assert rows[2][1]["gas_fraction"] == pytest.approx(256 / (48 * 64 - 144 - 164), abs=1e-6)
    assert rows[0][0]["content_hash"] != rows[2][0]["content_hash"]
    clip = work.clip(0)
    np.testing.assert_array_equal(clip.masks()[0], np.pad(np.ones((16, 16)), ((12, 20), (12, 36))))
    void = clip.void()[0]
    assert void[40:44, 50:60].all()
    assert void[10:12, 10:30].all() and void[8:10, 10:30].all()
    assert not (void & clip.masks()[0]).any()
    work(video)  # without a band, and without void in its second clip
    assert work.clip(0).void().sum() == 40
    assert not work.clip(1).void().any()


def test_an_unknown_frame_rate_is_guessed_and_remarked(work, frames):
    record = work(Video("v", InMemory(frames, rate_hz=None), "train", remarks=("seen",)))
    assert record["video"]["fps_hz"] == 15.0
    assert record["video"]["remarks"].split("; ")[:2] == [
        "seen",
        "frame rate unknown, taken as 15 Hz",
    ]


@pytest.mark.parametrize(
    ("facts", "category"),
    [
        ({"distance_m": 4.6, "background": "complex"}, "close_complex"),
        ({"distance_m": 9.8}, "medium_clear"),
        # At 1 Hz the release is at frame 20, after which it moves.
        ({"fps_hz": 1.0, "schedule": LeakSchedule(20, 21)}, "unknown_clear"),
    ],
)
def test_background_of_the_table_or_measured_in_a_still_scene(work, footage, facts, category):
    frames = footage.frames([5, 5, 20, 10])
    still = 20 if "schedule" in facts else 40
    frames[:still, 16:32] = frames[:still, 32:48]
    record = work(Video("v", InMemory(frames), "train", **facts))
    assert record["video"]["category"] == category
    assert ("measured" in record["video"]["remarks"]) == ("background" not in facts)


@pytest.mark.parametrize(("gas_from", "background"), [(20, "complex"), (10, "clear"), (0, None)])
def test_background_is_measured_in_clips_whose_masks_are_empty(work, footage, gas_from, background):
    # Still in its first clip and moving in the second.
    frames = footage.frames([5, 40])
    frames[:10, 16:32] = frames[:10, 32:48]
    masks = np.zeros(frames.shape, np.uint8)
    masks[gas_from:, 16:32, 40:50] = 1
    record = work(Video("v", InMemory(frames, masks), "train", mask_source="annotated"))
    assert record["video"]["background"] == background
    unknown = "background unknown: no clip is free of gas"
    assert (unknown in record["video"]["remarks"]) == (background is None)


@pytest.mark.parametrize(
    ("known", "told_by"),
    [
        ({"classes": [0] * 20 + [3] * 17}, "leak class 0"),
        ({"masks": np.zeros((37, 48, 64), np.uint8)}, "clips whose masks are empty"),
        ({}, "its first 60 s, taken to be free of gas"),
        # Of the last clip, only the time is known.
        (
            {"masks": [*np.zeros((20, 48, 64), np.uint8)] + [None] * 17},
            "clips whose masks are empty and its first 60 s, taken to be free of gas",
        ),
    ],
)
def test_the_remark_on_the_background_says_what_told_of_clips_without_gas(
    work, frames, known, told_by
):
    video = Video("v", InMemory(frames, **known), "train", mask_source="annotated")
    remarks = work(video, categories={"opening_s": 60.0})["video"]["remarks"]
    assert f"background measured in {told_by}: " in remarks


def test_a_frame_that_looks_damaged_is_remarked(work, frames):
    frames = frames.copy()
    frames[17, 20:23] = np.random.default_rng(0).integers(0, 256, (3, 64))
    remarks = work(Video("v", InMemory(frames), "train"))["video"]["remarks"]
    assert "1 of its frames may be damaged, the first at 1.13 s" in remarks


@pytest.mark.parametrize(("opening_s", "found"), [(60.0, "complex"), (0.1, None)])
def test_background_is_measured_in_the_opening(work, frames, opening_s, found):
    # The blob covers 10 x 16 of 64 x 48 pixels: 5.2 % a clip, at three places.
    video = Video("v", InMemory(frames), "train", distance_m=14.0)
    record = work(video, categories={"opening_s": opening_s})
    assert record["video"]["background"] == found
    assert record["video"]["category"] == f"long_{found or 'unknown'}"
    assert ("background measured" in record["video"]["remarks"]) == (found is not None)


# ------------------------------------------------------------------------- 16 bits


def _counts(frames):
    return 20_000 + 8 * frames.astype(np.uint16)


def test_16_bits_are_mapped_by_one_span_a_video(work, frames):
    # In the second clip the whole scene is warmer: that must stay to be seen.
    counts = _counts(frames)
    counts[10:20] += 400
    record = work(Video("v", InMemory(counts), "train"))
    low, high = record["video"]["low_counts"], record["video"]["high_counts"]
    assert low == pytest.approx(np.percentile(counts, 0.1), abs=12)
    assert high == pytest.approx(np.percentile(counts, 99.9), abs=12)
    for index in range(3):
        stretch = counts[10 * index : 10 * index + 10].astype(float)
        by_hand = np.clip((stretch - low) / (high - low) * 255, 0, 255)
        np.testing.assert_allclose(work.clip(index).frames, by_hand, atol=0.51)


def test_16_bits_with_a_fixed_span(work, frames):
    span = {"mode": "fixed", "low_counts": 20_000, "high_counts": 20_000 + 8 * 255}
    record = work(Video("v", InMemory(_counts(frames)), "train"), span=span)
    assert (record["video"]["low_counts"], record["video"]["high_counts"]) == (20_000, 22_040)
    np.testing.assert_array_equal(work.clip(1).frames, frames[10:20])


# ------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(("n_frames", "words"), [(0, "no frame"), (9, "it has 9 frames")])
def test_less_than_one_clip_is_refused(work, frames, tmp_path, n_frames, words):
    with pytest.raises(FootageError, match=words):
        work(Video("v", InMemory(frames[:n_frames]), "train"))
    assert not list(tmp_path.rglob("v.*"))
    dark = frames[:10] // 4
    record = work(Video("v", InMemory(dark), "train"))
    assert (record["video"]["clips"], record["video"]["frames_left_over"]) == (1, 0)
    assert record["video"]["low_counts"] is None  # 8 bits stay as they are
    np.testing.assert_array_equal(work.clip(0).frames, dark)


def test_masks_beyond_the_end_are_found_although_the_clips_have_theirs(
    work, frames, footage, tmp_path
):
    folder = footage.pictures(tmp_path / "masks", 255 * footage.masks(38))
    video = Video(
        "v", InMemory(frames), "train", "annotated", find_masks(folder, Path("v.mkv"), {})
    )
    with pytest.raises(FootageError, match=r"1 masks .* 37 frames, .* frame 37"):
        work(video)


@pytest.mark.parametrize(
    "change",
    [
        {"split": "test"},
        {"fps_hz": 10.0},
        {"distance_m": 5.0},
        {"background": "clear"},
        {"schedule": LeakSchedule(0, 180)},
        {"remarks": ("new",)},
    ],
)
def test_facts_of_the_table_count_as_settings(work, frames, change):
    video = Video("v", InMemory(frames), "train")
    work(video)
    changed = replace(video, **change)
    before = changed.frames.passes
    work(changed)
    assert changed.frames.passes > before
    work(changed)
    assert changed.frames.passes == before + 1


# -------------------------------------------------------------------------- memory


class Endless:
    """A sequence of frames that are made when they are asked for."""

    def __init__(self, n_frames):
        self.n_frames = n_frames
        rng = np.random.default_rng(0)
        self.scenes = rng.integers(0, 256, (7, 120, 160), np.uint8)

    def __len__(self):
        return self.n_frames

    def __iter__(self):
        for number in range(self.n_frames):
            yield self.scenes[number % 7].copy()


@pytest.mark.parametrize("pseudo", [False, True])
def test_memory_does_not_grow_with_the_video(work, pseudo):
    # 1200 frames more are 23 MB more to see.
    masks = {"enabled": pseudo, "window_s": 6.0}
    peaks = []
    for n_frames in (300, 300, 1500):
        tracemalloc.start()
        video = Video(f"v{len(peaks)}", InMemory(Endless(n_frames)), "train")
        work(video, clip_length_frames=30, pseudo_masks=masks)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] - peaks[1] < 3e6, peaks


MEMORY = """
import resource, sys
from pathlib import Path
from fgstp.footage.frame_sources import VideoFile
from fgstp.footage.ingest_video import ingest_video
from fgstp.footage.settings import IngestSettings
from fgstp.footage.video import Video
from fgstp.footage.video_store import VideoStore

file, out = Path(sys.argv[1]), Path(sys.argv[2])
settings = IngestSettings(source="folder", clip_length_frames=30)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
video = Video(file.stem, VideoFile(file), "train")
ingest_video(video, VideoStore(out), settings, lambda done: None)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_memory_of_a_process_does_not_grow_with_a_video_file(footage, tmp_path):
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (7, 240, 320), np.uint8)
    grown_mb = []
    for n_frames in (150, 1200):  # 80 MB more to see
        frames = [cv2.GaussianBlur(pictures[number % 7], (0, 0), 5) for number in range(n_frames)]
        file = footage.video(tmp_path / f"v{n_frames}.avi", frames, "MJPG")
        result = subprocess.run(
            [sys.executable, "-c", MEMORY, file, tmp_path / "out"],
            capture_output=True,
            text=True,
            check=True,
        )
        grown_mb.append(int(result.stdout))
    assert grown_mb[1] - grown_mb[0] < 30, grown_mb
    assert grown_mb[1] < 1024
