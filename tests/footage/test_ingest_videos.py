"""Ingest of a folder of footage from end to end, good input and bad."""

import errno
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from fgstp.core.errors import UserError
from fgstp.footage.frame_sources import PictureSequence, VideoFile
from fgstp.footage.video_writer import VideoWriter

LOKY = {"parallel": {"backend": "loky", "jobs": 2}}


@pytest.fixture(scope="module")
def raw(tmp_path_factory, footage):
    """Three sound videos: `a` with masks and a repeated clip, `b` without, `c` a frame folder."""
    raw = tmp_path_factory.mktemp("raw")
    root = raw / "footage"
    frames = {
        "a": footage.frames([5, 40, 5], seed=1, left_over=4),
        "b": footage.frames([20, 45], seed=2),
        "c": footage.frames([30], seed=3, left_over=1),
    }
    footage.video(root / "a.mkv", frames["a"])
    footage.video(root / "b.avi", frames["b"], fps=7.0)
    footage.pictures(root / "c", frames["c"])
    footage.pictures(root / "a_masks", 255 * footage.masks(34))
    footage.table(root, a="train", b="test", c="train")
    return raw, frames


@pytest.fixture(scope="module")
def ingested(raw, ingest, tmp_path_factory):
    return ingest(raw[0], tmp_path_factory.mktemp("out"))


@pytest.fixture
def copied(raw, tmp_path):
    """A copy of the raw footage that a test may spoil; times of change stay."""
    return Path(shutil.copytree(raw[0], tmp_path / "raw"))


def _count_decoded(monkeypatch):
    """Names of the footage that is decoded from now on."""
    decoded = set()
    for kind, name in ((VideoFile, lambda s: s.path.stem), (PictureSequence, lambda s: "c")):

        def spy(self, remarks, *, frames=kind.frames, name=name):
            decoded.add(name(self))
            return frames(self, remarks)

        monkeypatch.setattr(kind, "frames", spy)
    return decoded


def _one_sentence(text):
    assert text == text.strip()
    assert "\n" not in text
    assert "Traceback" not in text
    assert len(text) < 350


# ----------------------------------------------------------------- what comes out


def test_clips_hold_the_frames_that_were_written(raw, ingested, footage):
    kept = {"a": [0, 1], "b": [0, 1], "c": [0]}
    for video, indices in kept.items():
        rows = ingested.clips_of(video)
        rows = rows[rows["dropped"].isna()]
        assert rows["clip"].tolist() == [f"{video}_{index:04d}" for index in indices]
        for index, clip, first in zip(indices, rows["clip"], rows["first_frame"], strict=True):
            assert first == index * footage.clip_length
            stretch, view = slice(first, first + footage.clip_length), ingested.clip(clip)
            np.testing.assert_array_equal(view.frames, raw[1][video][stretch])
            masks = footage.masks(34)[stretch] if video == "a" else np.zeros((0, 48, 64))
            np.testing.assert_array_equal(view.masks(), masks)
            assert view.leak_class is None


def test_a_repeated_place_is_dropped_with_the_clip_that_it_repeats(ingested):
    rows = ingested.clips_of("a").set_index("clip")
    assert rows["dropped"].fillna("").tolist() == ["", "", "duplicate"]
    assert rows.loc["a_0002", "repeats"] == "a_0000"
    assert 0.8 < rows.loc["a_0002", "similarity"] < 1.0  # the noise is not the same
    assert rows["similarity"].isna().tolist() == [True, True, False]


def test_video_table(ingested):
    rows = ingested.videos.set_index("video")
    assert rows.index.tolist() == ["a", "b", "c"]
    assert rows["error"].isna().all()
    assert rows["frames"].tolist() == [34, 20, 11]
    assert rows["frames_left_over"].tolist() == [4, 0, 1]
    assert rows["clips"].tolist() == [3, 2, 1]
    assert rows["clips_distinct"].tolist() == [2, 2, 1]
    assert rows["fps_hz"].tolist() == [15.0, 7.0, 15.0]
    assert set(rows["height_px"]) == {48}
    assert set(rows["width_px"]) == {64}
    assert rows["split"].tolist() == ["train", "test", "train"]
    assert rows["mask_source"].tolist() == ["annotated", "none", "none"]
    assert rows["low_counts"].isna().all()
    assert rows["remarks"].str.contains("frame rate unknown").tolist() == [False, False, True]


def test_clip_table_says_how_much_gas_there_is(ingested, footage):
    row = ingested.clips_of("a").iloc[1]
    assert row["gas_fraction"] == pytest.approx(footage.masks(34)[10:20].mean(), abs=1e-6)
    assert row["mask_source"] == "annotated"
    assert ingested.clips_of("b")["gas_fraction"].isna().all()
    assert set(ingested.clips["frames"]) == {10}


def test_sha256_is_that_of_the_file(raw, ingested):
    content = (raw[0] / "footage" / "a.mkv").read_bytes()
    assert ingested.video("a")["sha256"] == hashlib.sha256(content).hexdigest()


def test_nothing_else_is_left(ingested):
    parts = ("frames.npy", "time_s.npy", "descriptors.npy", "record.json", "stamp.json")
    files = {path.relative_to(ingested.out).as_posix() for path in ingested.out.rglob("*")}
    assert files == {
        "videos",
        "videos/outcome.json",
        "videos/a.masks.npy",
        *(f"videos/{video}.{part}" for video in "abc" for part in parts),
    }


def _alpha(masks):
    return [
        np.dstack([np.full((*mask.shape, 3), 255), 255 * mask]).astype(np.uint8) for mask in masks
    ]


def _halves(masks, side):
    columns = np.arange(masks.shape[2]) < 11
    return 255 * masks * (columns == (side == 0)).astype(np.uint8)


@pytest.mark.parametrize(
    ("frames", "masks", "names", "change"),
    [
        ("x", "x_masks", ["{:04d}.bmp"], lambda masks: [255 * masks]),
        ("x", "x_gt", ["{:04d}.png"], lambda masks: [_alpha(masks)]),
        ("x/Imgs", "x/GT", ["{:04d}.png"], lambda masks: [masks]),
        ("JPEGImages/480p/x", "Annotations/480p/x", ["{:04d}.png"], lambda masks: [masks]),
        ("images/x", "masks/x", ["mask {}.tif"], lambda masks: [255 * masks]),
        (
            *("x.mkv", "x_masks", ["{:04d}_0.png", "{:04d}_1.png"]),
            lambda masks: [_halves(masks, 0), _halves(masks, 1)],
        ),
        (
            *("x.mkv", "x_masks"),
            [f"task-1{{0:02d}}-annotation-1{{0:02d}}-by-1-tag-gas-{side}.png" for side in (0, 1)],
            lambda masks: [_halves(masks, 0), _halves(masks, 1)],
        ),
    ],
)
def test_what_other_tools_write_is_read(ingest, footage, tmp_path, frames, masks, names, change):
    step = 1 if "task" in names[0] else 5  # tasks are numbered one after the other
    pictures, truth = footage.frames([5, 40]), footage.masks(20)
    root = tmp_path / "raw/footage"
    if frames.endswith(".mkv"):
        footage.video(root / frames, pictures)
    else:
        footage.pictures(root / frames, pictures, "{:04d}.png")
    for name, written in zip(names, change(truth), strict=True):
        footage.pictures(root / masks, written, name)
    for path in (root / masks).iterdir():
        if step == 5 and not any(path.match(n.format(k)) for n in names for k in range(0, 20, 5)):
            path.unlink()
    result = ingest(tmp_path / "raw", tmp_path / "out")
    (row,) = result.videos.itertuples()
    assert row.mask_source == "annotated"
    clip = result.store.clip(row.video)
    assert clip.annotated.tolist() == list(range(0, 20, step))
    np.testing.assert_array_equal(clip.masks(), truth[::step])
    assert result.clips["annotated_frames"].tolist() == [10 // step] * 2


def test_names_that_tables_take_for_something_else(footage, ingest, tmp_path):
    names = ["NA", "null", "None", "0007"]
    for number, name in enumerate(names):
        frames = footage.frames([5, 40], seed=number)
        footage.video(tmp_path / f"raw/footage/{name}.mkv", frames)
    footage.table(tmp_path / "raw/footage", **dict.fromkeys(names, "train"))
    result = ingest(tmp_path / "raw", tmp_path / "out")
    assert result.videos["video"].tolist() == names
    assert result.videos["error"].isna().all()
    for name in names:
        assert result.clips_of(name)["clip"].tolist() == [f"{name}_0000", f"{name}_0001"]


def test_a_threshold_above_one_keeps_every_clip(raw, ingest, tmp_path):
    result = ingest(raw[0], tmp_path, duplicates={"threshold": 1.01})
    assert result.clips["dropped"].isna().all()
    assert len(result.clips) == 6


def test_pseudo_masks_are_made_only_where_there_are_none_and_are_marked(raw, ingest, tmp_path):
    # By hand: the blob is 60 levels above its background in two frames of every four.
    result = ingest(raw[0], tmp_path, pseudo_masks={"enabled": True, "percentile": 20.0})
    assert result.video("a")["mask_source"] == "annotated"
    assert result.video("b")["mask_source"] == "pseudo"
    masks = result.clip("b_0000").masks()
    assert masks[[2, 3, 6, 7], 18:30, 22:28].all()
    assert not masks[:, :, 40:].any()
    assert not masks[[0, 1, 4, 5, 8, 9]].any()


# ----------------------------------------------------------- again and elsewhere


def test_two_runs_give_the_same_bytes_in_either_back_end(raw, ingested, ingest, tmp_path):
    one, other = (
        ingest(raw[0], tmp_path / "one"),
        ingest(raw[0], tmp_path / "other", **LOKY),
    )
    assert one.files() == ingested.files()
    assert other.files() == ingested.files()
    assert one.clips.equals(ingested.clips)
    assert other.clips.equals(ingested.clips)
    assert other.videos.equals(ingested.videos)


@pytest.mark.parametrize("touched", [False, True])
def test_another_run_decodes_nothing_and_says_the_same(raw, ingest, tmp_path, monkeypatch, touched):
    def times():
        return {path: path.stat().st_mtime_ns for path in tmp_path.rglob("[abc].*")}

    first = ingest(raw[0], tmp_path)
    for path in times():
        if touched:
            os.utime(path, (1, 1))
    files, before = first.files(), times()
    assert len(before) == 16
    decoded = _count_decoded(monkeypatch)
    again = ingest(raw[0], tmp_path)
    assert decoded == set()
    assert again.files() == files
    assert times() == before
    assert again.videos.equals(first.videos)
    assert again.clips.equals(first.clips)


def _new_content(raw, out, footage):
    footage.video(raw / "footage" / "a.mkv", footage.frames([5, 40, 5], seed=1, left_over=3))
    (raw / "footage" / "a_masks" / "000033.png").unlink()


def _new_mask(raw, out, footage):
    footage.pictures(raw / "footage" / "a_masks", 255 * footage.masks(34, seed=3))


def _frames_cut_off(raw, out, footage):
    path = out / "videos" / "a.frames.npy"
    path.write_bytes(path.read_bytes()[:-1])


def _masks_taken_away(raw, out, footage):
    (raw / "footage" / "a_masks").rename(raw / "elsewhere")


@pytest.mark.parametrize("change", [_new_content, _new_mask, _masks_taken_away, _frames_cut_off])
def test_a_change_redoes_that_video_alone(copied, ingest, footage, tmp_path, monkeypatch, change):
    out = tmp_path / "out"
    ingest(copied, out)
    change(copied, out, footage)
    fresh = ingest(copied, tmp_path / "fresh")

    decoded = _count_decoded(monkeypatch)
    again = ingest(copied, out)
    assert decoded == {"a"}
    assert again.files() == fresh.files()
    assert again.clips.equals(fresh.clips)
    assert again.videos.equals(fresh.videos)


@pytest.mark.parametrize(
    "changes",
    [
        {"clip_length_frames": 9},
        {"duplicates": {"threshold": 1.01}},
        {"duplicates": {"floor_levels": 3.0}},
        {"categories": {"moving_levels": 4.0}},
        {"pseudo_masks": {"enabled": True}},
        {"span": {"mode": "fixed"}},
    ],
)
def test_changed_settings_redo_every_video(raw, ingest, tmp_path, monkeypatch, changes):
    ingest(raw[0], tmp_path / "out")
    fresh = ingest(raw[0], tmp_path / "fresh", **changes)
    decoded = _count_decoded(monkeypatch)
    again = ingest(raw[0], tmp_path / "out", **changes)
    assert decoded == {"a", "b", "c"}
    assert again.files() == fresh.files()
    assert again.clips.equals(fresh.clips)


def test_settings_that_change_no_clip_redo_nothing(raw, ingest, tmp_path):
    ingest(raw[0], tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("[abc].*")}
    for changes in ({"validation": {"fraction": 0.5}}, {"contact_sheet": {"clips": 1}}, LOKY):
        ingest(raw[0], tmp_path, **changes)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("[abc].*")} == before


def test_a_run_stopped_under_other_settings_leaves_no_record_of_wrong_files(
    raw, ingest, ingested, tmp_path, monkeypatch
):
    ingest(raw[0], tmp_path)
    written = []
    append = VideoWriter.append

    def stop_later(writer, frames, *more, **parts):
        if len(written) == 6:
            raise KeyboardInterrupt
        written.append(len(frames))
        append(writer, frames, *more, **parts)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(VideoWriter, "append", stop_later)
        ingest(raw[0], tmp_path, clip_length_frames=9, duplicates={"threshold": 1.01})
    assert written == [9, 9, 9, 7, 9, 9]  # `a` is done

    again = ingest(raw[0], tmp_path)
    assert again.files() == ingested.files()


def test_files_of_removed_videos_go_and_foreign_files_stay(copied, ingest, footage, tmp_path):
    out = tmp_path / "out"
    ingest(copied, out)
    for name in ("notes.txt", "b.png", ".tmp-a.record.json", "gone.descriptors.npy"):
        (out / "videos" / name).write_text("mine, or of a run that was killed")
    (copied / "footage" / "b.avi").unlink()
    footage.table(copied / "footage", a="train", c="train")

    left = set(ingest(copied, out).files())
    assert left - set(ingest(copied, tmp_path / "fresh").files()) == {"notes.txt", "b.png"}


# ---------------------------------------------------------------------- bad input


def _truncated(root, footage):
    path = footage.video(root / "bad.mkv", footage.frames([5, 40, 20, 30, 10]))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])


def _empty(root, footage):
    (root / "bad.mp4").write_bytes(b"")


def _size_changes(root, footage):
    frames = list(footage.frames([5, 40]))
    frames[13] = cv2.resize(frames[13], (32, 24))
    footage.pictures(root / "bad", frames)


def _with_masks(root, footage, n_masks=20):
    footage.video(root / "bad.mkv", footage.frames([5, 40], seed=9))
    return footage.pictures(root / "bad_masks", 255 * footage.masks(n_masks))


def _masks_beyond_the_end(root, footage):
    _with_masks(root, footage, 22)


def _mask_twice(root, footage):
    masks = _with_masks(root, footage)
    shutil.copy(masks / "000003.png", masks / "3.png")


def _empty_mask(root, footage):
    (_with_masks(root, footage) / "000013.png").write_bytes(b"")


def _fractions(root, footage):
    folder = _with_masks(root, footage, 19)
    assert cv2.imwrite(str(folder / "000019.tif"), np.zeros((48, 64), np.float32))


def _pipe(root, footage):
    os.mkfifo(root / "bad.mp4")


BAD_VIDEOS = [  # refused before, while and after its frames are read; by its source
    (_empty, ["bad.mp4 is empty"]),
    (_truncated, ["bad.mkv", "truncated"]),
    (_size_changes, ["000013.png is 32 x 24", "64 x 48"]),
    (_empty_mask, ["000013.png", "empty"]),
    (_masks_beyond_the_end, ["2 masks", "20 frames", "frame 20"]),
    (_mask_twice, ["000003.png", "3.png", "same name"]),
    (_fractions, ["float32"]),
    (_pipe, ["pipe"]),
]


@pytest.mark.parametrize(("spoil", "words"), BAD_VIDEOS)
def test_a_bad_video_is_refused_in_one_sentence_and_harms_no_other(
    copied, ingested, ingest, footage, tmp_path, spoil, words
):
    spoil(copied / "footage", footage)
    # In the middle of the table: videos before and behind it must go on.
    footage.table(copied / "footage", a="train", bad="train", b="test", c="train")
    result = ingest(copied, tmp_path / "out")

    row = result.video("bad")
    _one_sentence(row["error"])
    assert row["error"].startswith("bad: ")
    for word in words:
        assert word in row["error"]
    assert row["split"] == "train"
    assert row["clips_distinct"] == 0
    assert result.clips_of("bad").empty
    assert result.files("bad") == {}
    assert result.videos[result.videos["video"] != "bad"]["error"].isna().all()
    assert result.files("a", "b", "c") == ingested.files("a", "b", "c")
    assert result.clips.equals(ingested.clips)


def test_bad_videos_are_noted_in_parallel_too(copied, ingested, ingest, footage, tmp_path):
    for spoil in (_empty, _size_changes):
        spoil(copied / "footage", footage)
    (copied / "footage" / "bad.mp4").rename(copied / "footage" / "worse.mp4")
    footage.table(copied / "footage", a="train", bad="train", worse="test", b="test", c="train")
    result = ingest(copied, tmp_path / "out", **LOKY)
    assert "000013.png" in result.video("bad")["error"]
    assert "worse.mp4 is empty" in result.video("worse")["error"]
    assert result.files("a", "b", "c") == ingested.files("a", "b", "c")


def test_masks_of_other_depth_colour_and_size_give_the_same_masks(
    copied, ingested, ingest, footage, tmp_path
):
    masks = 65535 * footage.masks(34).astype(np.uint16).repeat(2, axis=1).repeat(2, axis=2)
    red = [np.dstack([0 * mask, 0 * mask, mask]) for mask in masks]  # as some tools save it
    footage.pictures(copied / "footage" / "a_masks", red)
    result = ingest(copied, tmp_path / "out")
    record = "a.record.json"  # which says that they were scaled
    assert result.files("a") | {record: b""} == ingested.files("a") | {record: b""}
    assert "masks of 128 x 96 were scaled to 64 x 48" in result.video("a")["remarks"]


@pytest.mark.parametrize("back_end", [{}, LOKY], ids=["sequential", "loky"])
def test_the_same_video_under_two_names_is_refused(
    copied, ingested, ingest, footage, tmp_path, back_end
):
    shutil.copy(copied / "footage" / "b.avi", copied / "footage" / "twin.avi")
    footage.table(copied / "footage", a="train", b="test", twin="train", c="train")
    result = ingest(copied, tmp_path / "out", **back_end)
    error = result.video("twin")["error"]
    _one_sentence(error)
    assert "same content as b" in error
    assert "train and test" in error
    assert result.files("twin") == {}
    assert result.files("a", "b", "c") == ingested.files("a", "b", "c")
    assert result.clips.equals(ingested.clips)
    # It does not stand in the way of the first one the next time either.
    assert ingest(copied, tmp_path / "out").clips.equals(ingested.clips)
    # But it is taken once the first is gone.
    (copied / "footage" / "b.avi").unlink()
    footage.table(copied / "footage", a="train", twin="train", c="train")
    result = ingest(copied, tmp_path / "out")
    assert result.videos["error"].isna().all()
    for part in ("frames.npy", "time_s.npy", "descriptors.npy"):
        assert result.files("twin")[f"twin.{part}"] == ingested.files("b")[f"b.{part}"]
    assert result.files("b") == {}


@pytest.mark.parametrize("back_end", [{}, LOKY], ids=["sequential", "loky"])
def test_paths_with_spaces_and_other_letters(raw, ingested, ingest, tmp_path, back_end):
    # Another name is another id; the frames are the same.
    place = tmp_path / "Messung März, 漏れ 1"
    root = place / "footage"
    shutil.copytree(raw[0] / "footage", root)
    (root / "a.mkv").rename(root / "Gaswölkchen 漏れ 1.mkv")
    (root / "a_masks").rename(root / "Gaswölkchen 漏れ 1_masks")
    (root / "c").rename(root / "à côté")
    (root / "videos.csv").write_text(
        "video,split\nGaswölkchen 漏れ 1,train\nb,test\nà côté,train\n", "utf-8"
    )
    result = ingest(place, place / "Ergebnis ß", **back_end)
    assert result.videos["error"].isna().all()
    for ours, theirs in (("Gaswölkchen 漏れ 1", "a"), ("b", "b"), ("à côté", "c")):
        expected = {
            name.replace(theirs, ours, 1): content
            for name, content in ingested.files(theirs).items()
        }
        record = f"{ours}.record.json"  # which holds the name
        assert result.files(ours) | {record: b""} == expected | {record: b""}


# --------------------------------------------------------- disks, folders, signals


@pytest.mark.parametrize("part", ["videos", ""])
def test_a_folder_that_cannot_be_written(raw, ingest, tmp_path, part):
    out = tmp_path / "out"
    blocked = out / part
    blocked.parent.mkdir(exist_ok=True)
    blocked.write_text("a file where a folder should be")
    with pytest.raises(UserError) as caught:
        ingest(raw[0], out)
    _one_sentence(str(caught.value))
    assert str(blocked) in str(caught.value)
    assert blocked.read_text() == "a file where a folder should be"


@pytest.mark.parametrize(
    "path", ["a.frames.npy", "a.masks.npy", "a.descriptors.npy", "a.record.json", "b.stamp.json"]
)
def test_a_full_disk_is_told_and_leaves_nothing_half_written(
    raw, ingested, ingest, tmp_path, monkeypatch, path
):
    replace = Path.replace

    def full(self, target):
        if Path(target).name == path:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return replace(self, target)

    with monkeypatch.context() as patch, pytest.raises(UserError) as caught:
        patch.setattr(Path, "replace", full)
        ingest(raw[0], tmp_path)
    _one_sentence(str(caught.value))
    assert str(tmp_path / "videos" / path) in str(caught.value)
    assert "No space left on device" in str(caught.value)

    left = [file for file in tmp_path.rglob("*") if file.is_file()]
    for file in left:  # whatever is there is whole
        if not file.name.endswith(".stamp.json"):
            assert file.read_bytes() == ingested.files()[file.name], file
    assert path not in [file.name for file in left]
    assert not list(tmp_path.rglob(".*"))
    assert ingest(raw[0], tmp_path).files() == ingested.files()


def test_a_mistake_that_refuses_all_costs_nothing(raw, ingested, ingest, tmp_path):
    ingest(raw[0], tmp_path)
    for mistake in (
        {"clip_length_frames": 1000},
        {"span": {"mode": "fixed"}, "clip_length_frames": 99},
    ):
        assert ingest(raw[0], tmp_path, **mistake).videos["error"].notna().all()
        assert ingested.files().keys() == ingest(raw[0], tmp_path).files().keys()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("[abc].*")}
    ingest(raw[0], tmp_path, clip_length_frames=1000)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("[abc].*")} == before
    assert ingest(raw[0], tmp_path).files() == ingested.files()


def test_a_refused_video_forgets_what_was_known_of_it(copied, ingest, footage, tmp_path):
    assert ingest(copied, tmp_path / "out").files("b")
    (copied / "footage" / "b.avi").write_bytes(b"")
    result = ingest(copied, tmp_path / "out")
    assert "b.avi is empty" in result.video("b")["error"]
    assert result.files("b") == {}


SCRIPT = """
import json, sys, time
from pathlib import Path
import numpy as np, pandas as pd
from fgstp.core.errors import UserError
from fgstp.footage.ingest_videos import ingest_videos
from fgstp.footage.settings import IngestSettings
from fgstp.footage.sources import Search, find_videos
from fgstp.footage.video_store import VideoStore
from fgstp.footage.video_writer import VideoWriter

raw, out, settings = Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])
settings = IngestSettings.model_validate(settings)
if settings.parallel.backend == "sequential" and "slow" in sys.argv:
    append = VideoWriter.append
    def slow_append(*args, **parts):
        append(*args, **parts)
        time.sleep(0.2)
    VideoWriter.append = slow_append
if "full" in sys.argv:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    found = find_videos(Search(raw, pd.DataFrame(), settings, seed=1))
    ingest_videos(found, VideoStore(out / "videos"), settings)
except UserError as error:
    sys.exit(f"told: {error}")
"""


def _start(raw, out, *more, back_end=None):
    parallel = (back_end or {"parallel": {"backend": "sequential"}})["parallel"]
    settings = {"source": "folder", "clip_length_frames": 10, "parallel": parallel}
    text = str(settings).replace("'", '"')
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(raw), str(out), text, *more],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize("back_end", [{"parallel": {"backend": "sequential"}}, LOKY])
def test_a_disk_that_the_system_says_is_full(raw, ingested, ingest, tmp_path, back_end):
    process = _start(raw[0], tmp_path, "full", back_end=back_end)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    told = [line for line in errors.splitlines() if line.startswith("told: ")]
    assert len(told) == 1
    assert f"Cannot write {tmp_path}/videos/" in told[0]
    assert "Traceback" not in errors
    assert not list(tmp_path.rglob("*.npy"))
    assert ingest(raw[0], tmp_path).files() == ingested.files()


def _wait_for(condition, process):
    deadline = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_killed_again_and_again_the_result_is_that_of_an_uninterrupted_run(
    raw, ingested, ingest, tmp_path, monkeypatch
):
    for video in ("a", "a", "b", "c"):
        process = _start(raw[0], tmp_path, "slow")
        half = f".tmp-*-{video}.frames.npy"
        _wait_for(lambda half=half: list((tmp_path / "videos").glob(half)), process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert len(list((tmp_path / "videos").glob(half))) == 1
    assert (tmp_path / "videos" / "b.stamp.json").exists()

    decoded = _count_decoded(monkeypatch)
    last = ingest(raw[0], tmp_path)
    assert decoded == {"c"}
    assert last.files() == ingested.files()
    assert last.clips.equals(ingested.clips)
    assert last.videos.equals(ingested.videos)


@pytest.mark.slow
def test_killed_in_parallel_at_random_moments(raw, ingested, ingest, tmp_path):
    rng = np.random.default_rng(0)
    for kill in range(20):
        out = tmp_path / str(kill // 4)  # killed four times each
        process = _start(raw[0], out, "slow", back_end=LOKY)
        while process.poll() is None and not list(out.rglob(".tmp-*")):
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 1.5))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if kill % 4 == 3:
            assert ingest(raw[0], out).files() == ingested.files()


@pytest.mark.slow
def test_a_cluster_gives_what_processes_of_this_machine_give(
    raw, footage, ingest, tmp_path, cluster
):
    copy = shutil.copytree(raw[0], tmp_path / "raw")
    (copy / "footage/bad.mkv").write_bytes(b"no video")
    footage.table(copy / "footage", a="train", b="test", c="train", bad="train")
    here = ingest(copy, tmp_path / "here", **LOKY)
    there = ingest(copy, tmp_path / "there", parallel={"backend": cluster, "jobs": 2})
    assert "cannot be opened as a video" in there.video("bad")["error"]
    assert there.files() == here.files()
    assert there.clips.equals(here.clips)
    assert there.videos.equals(here.videos)
