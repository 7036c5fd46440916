import json
import os

import numpy as np
import pytest

from fgstp.core.errors import UserError
from fgstp.footage.video_store import VideoStore

T, HEIGHT, WIDTH = 23, 5, 7  # 35 pixels, which fill no whole number of bytes
ANNOTATED = np.array([0, 4, 9, 10, 22])
FACTS = {"version": 1, "length": 10}


@pytest.fixture
def store(tmp_path):
    return VideoStore(tmp_path / "Mes vidéos" / "été")


@pytest.fixture
def content():
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (T, HEIGHT, WIDTH)).astype(np.uint8)
    masks = rng.integers(0, 2, (len(ANNOTATED), HEIGHT, WIDTH)).astype(np.uint8)
    return frames, masks, np.arange(T, dtype=np.int8) % 9 - 1, np.arange(T) / 15.0


def write(store, video, content, pieces=(10, 20, T)):
    """Write a video in pieces that end before the given frames."""
    frames, masks, classes, times_s = content
    start = 0
    with store.writing(video) as writer:
        for end in pieces:
            own = (start <= ANNOTATED) & (end > ANNOTATED)
            parts = {"annotated": ANNOTATED[own] - start, "masks": masks[own]}
            piece = slice(start, end)
            writer.append(frames[piece], times_s[piece], leak_class=classes[piece], **parts)
            start = end


def finish(store, video, content, facts=FACTS):
    write(store, video, content)
    store.finish(
        video, facts, {"video": {"video": video}, "clips": []}, np.zeros((2, 3, 4, 5), np.float32)
    )


def names(store):
    return sorted(path.name for path in store.folder.iterdir())


@pytest.mark.parametrize("pieces", [(T,), (10, 20, T), (1, 2, T)])
def test_files_are_what_numpy_writes_however_they_grew(store, content, pieces, tmp_path):
    write(store, "MOV_1467", content, pieces)
    frames, masks, classes, times_s = content
    for name, array in {"frames": frames, "leak_class": classes, "time_s": times_s}.items():
        np.save(tmp_path / "expected.npy", array)
        path = store.folder / f"MOV_1467.{name}.npy"
        assert path.read_bytes() == (tmp_path / "expected.npy").read_bytes()
    rows = np.load(store.folder / "MOV_1467.masks.npy")
    assert rows["frame"].dtype == np.int32
    assert rows["frame"].tolist() == ANNOTATED.tolist()
    assert [bytes(bits) for bits in rows["bits"]] == [np.packbits(mask).tobytes() for mask in masks]


@pytest.mark.parametrize(
    ("first_frame", "n_frames", "places"),
    [
        (0, None, [0, 1, 2, 3, 4]),
        (0, 10, [0, 1, 2]),
        (4, 6, [1, 2]),
        (10, 13, [3, 4]),
        (11, 11, []),
        (5, None, [2, 3, 4]),
    ],
)
def test_a_clip_is_that_part_of_the_video(store, content, first_frame, n_frames, places):
    write(store, "v", content)
    frames, masks, classes, times_s = content
    clip = store.clip("v", first_frame, n_frames)
    part = slice(first_frame, None if n_frames is None else first_frame + n_frames)
    np.testing.assert_array_equal(clip.frames, frames[part])
    np.testing.assert_array_equal(clip.leak_class, classes[part])
    np.testing.assert_array_equal(clip.times_s, times_s[part])
    assert clip.annotated.dtype == np.int64
    assert clip.annotated.tolist() == (ANNOTATED[places] - first_frame).tolist()
    assert clip.masks().dtype == np.uint8
    np.testing.assert_array_equal(clip.masks(), masks[places])
    np.testing.assert_array_equal(clip.masks(clip.annotated[::-1][:2]), masks[places][::-1][:2])
    filled = np.zeros_like(clip.frames)
    filled[clip.annotated] = masks[places]
    np.testing.assert_array_equal(clip.masks_or_zeros(), filled)


def test_frames_stay_on_the_disk_and_cannot_be_changed(store, content):
    write(store, "v", content)
    frames = store.clip("v", 3, 5).frames
    assert isinstance(frames, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        frames[0] = 0


def test_parts_that_are_not_known_leave_no_file_and_remove_an_old_one(store, content):
    write(store, "v", content)
    with store.writing("v") as writer:
        writer.append(content[0][:4], content[3][:4])
    assert names(store) == ["v.frames.npy", "v.time_s.npy"]
    clip = store.clip("v")
    assert clip.leak_class is None
    assert clip.annotated.tolist() == []
    assert clip.masks().shape == (0, HEIGHT, WIDTH)
    assert not clip.masks_or_zeros().any()


def test_all_frames_are_annotated_if_nothing_else_is_said(store, content):
    frames, *_, times_s = content
    with store.writing("v") as writer:
        for part in (slice(3), slice(3, T)):
            writer.append(frames[part], times_s[part], masks=frames[part] % 2)
    np.testing.assert_array_equal(store.clip("v").masks_or_zeros(), frames % 2)


@pytest.mark.parametrize("part", ["frames.npy", "masks.npy", "time_s.npy"])
@pytest.mark.parametrize("kept_bytes", [0, 60, 150])
def test_a_video_that_cannot_be_read_is_named(store, content, part, kept_bytes):
    write(store, "v", content)
    path = store.folder / f"v.{part}"
    path.write_bytes(path.read_bytes()[:kept_bytes])
    with pytest.raises(UserError, match="The video v cannot be read from") as error:
        store.clip("v", 0, 10)
    assert str(path) in str(error.value)
    assert "kedro run --pipelines=ingest" in str(error.value)


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("frames.npy", np.zeros((T, HEIGHT, WIDTH))),
        ("frames.npy", np.zeros(T, np.uint8)),
        ("frames.npy", np.zeros((0, HEIGHT, WIDTH), np.uint8)),
        ("masks.npy", np.zeros((T, HEIGHT, WIDTH), np.uint8)),
        ("masks.npy", np.zeros(3, [("frame", "<i4"), ("bits", "u1", (4,))])),
        ("void.npy", np.zeros(3)),
        ("time_s.npy", np.zeros(T - 1)),
        ("time_s.npy", np.full(T, np.nan)),
        ("time_s.npy", np.zeros(T, np.int64)),
        ("leak_class.npy", np.zeros((T, 2), np.int8)),
        ("leak_class.npy", np.zeros(T)),
    ],
)
def test_a_sound_array_of_another_shape_is_named(store, content, part, other):
    write(store, "v", content)
    np.save(store.folder / f"v.{part}", other)
    with pytest.raises(
        UserError, match=r"The video v cannot be read from .* run `kedro run"
    ) as error:
        store.clip("v", 0, 10)
    assert str(store.folder / f"v.{part}") in str(error.value)


def test_void_is_kept_of_frames_that_have_some(store, content):
    frames, masks, _, times_s = content
    labels = masks.copy()
    labels[1, 0, :3], labels[3] = 255, 255
    with store.writing("v") as writer:
        for start, end in ((0, 10), (10, T)):
            own = (start <= ANNOTATED) & (end > ANNOTATED)
            writer.append(
                frames[start:end],
                times_s[start:end],
                annotated=ANNOTATED[own] - start,
                masks=labels[own],
            )
    assert np.load(store.folder / "v.void.npy")["frame"].tolist() == [4, 10]
    for first_frame, n_frames in ((0, None), (4, 7), (10, 13), (11, 11)):
        clip = store.clip("v", first_frame, n_frames)
        inside = np.isin(ANNOTATED - first_frame, clip.annotated)
        np.testing.assert_array_equal(clip.void(), labels[inside] == 255)
        np.testing.assert_array_equal(clip.masks(), labels[inside] == 1)
    np.testing.assert_array_equal(
        store.clip("v").void(np.array([10, 3, 4])),
        np.stack([labels[3], labels[0] * 0, labels[1]]) == 255,
    )
    with store.writing("v") as writer:  # an old one goes
        writer.append(frames, times_s, annotated=ANNOTATED, masks=masks)
    assert "v.void.npy" not in names(store)


def test_a_clip_beyond_the_end_is_told(store, content):
    write(store, "v", content)
    with pytest.raises(UserError, match=r"video v .* has 23 frames, but a clip ends after 24"):
        store.clip("v", 20, 4)


def test_an_interrupted_video_leaves_the_old_one(store, content):
    write(store, "v", content)
    before = {path.name: path.read_bytes() for path in store.folder.iterdir()}
    with pytest.raises(KeyboardInterrupt), store.writing("v") as writer:
        writer.append(content[0][::-1], content[3])
        raise KeyboardInterrupt
    assert {path.name: path.read_bytes() for path in store.folder.iterdir()} == before


# ------------------------------------------------------------------------- finished


def test_a_finished_video_is_current_under_its_facts_alone(store, content):
    assert not store.is_finished("v", FACTS)
    write(store, "v", content)
    assert not store.is_finished("v", FACTS)
    finish(store, "v", content)
    assert store.is_finished("v", FACTS)
    assert not store.is_finished("v", FACTS | {"version": 2})
    assert store.record("v") == {"video": {"video": "v"}, "clips": []}
    assert store.descriptors("v").shape == (2, 3, 4, 5)


PARTS = ("frames.npy", "masks.npy", "leak_class.npy", "time_s.npy", "descriptors.npy")


@pytest.mark.parametrize("part", [*PARTS, "record.json"])
def test_a_file_that_is_cut_off_or_gone_makes_it_unfinished(store, content, part):
    finish(store, "v", content)
    path = store.folder / f"v.{part}"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert not store.is_finished("v", FACTS)
    path.write_bytes(whole)
    assert store.is_finished("v", FACTS)
    path.unlink()
    assert not store.is_finished("v", FACTS)


@pytest.mark.parametrize("place", [0, 7, 60, 128, 500, -1])
def test_a_byte_of_the_frames_that_changed_makes_it_unfinished(store, content, place):
    frames, _, _, times_s = content
    with store.writing("v") as writer:
        for piece in (frames[:10], frames[10:20], frames[20:]):
            writer.append(piece, times_s[: len(piece)])
    store.finish("v", FACTS, {}, np.zeros((2, 3, 4, 5), np.float32), writer.pieces())
    path = store.path("v", "frames.npy")
    os.utime(path, ns=(1, 1))
    assert store.is_finished("v", FACTS)
    changed = bytearray(path.read_bytes())
    changed[place] ^= 1
    path.write_bytes(changed)
    assert not store.is_finished("v", FACTS)


@pytest.mark.parametrize("text", ["{}", "[1]", '{"video": 1, "clips": []}', '{"clips": [1]}'])
def test_records_of_another_shape_are_refused(store, content, text):
    finish(store, "v", content)
    store.path("v", "record.json").write_text(text)
    (store.folder / "outcome.json").write_text(text)
    for read in (store.outcome, lambda: store.record("v")):
        with pytest.raises(UserError, match=r"json cannot be read .*; run `kedro run --pipelines"):
            read()


def test_what_was_not_written_is_asked_for(store):
    for read in (store.outcome, lambda: store.record("v"), lambda: store.descriptors("v")):
        with pytest.raises(UserError, match="run `kedro run --pipelines=ingest`"):
            read()
    store.folder.mkdir(parents=True)
    store.write_outcome([{"video": "v", "error": None}])
    assert store.outcome() == [{"video": "v", "error": None}]


# ------------------------------------------------------------------------- tidying


def test_only_stale_files_of_its_own_are_removed(store, content):
    for video in ("keep", "keep.2", "stale"):
        finish(store, video, content)
    kept = [name for name in names(store) if not name.startswith("stale")]
    foreign = ["notes.txt", "array.npy", "keep.png", ".gitignore", "frames.npy"]
    half = [".tmp-stale.frames.npy", ".tmp-keep.masks.npy", ".tmp-keep.record.json"]
    for name in [*foreign, *half, "lost.descriptors.npy"]:
        (store.folder / name).write_text(json.dumps({}))
    store.remove_all_but(["keep", "keep.2", "never seen"])
    assert names(store) == sorted([*kept, *foreign])


def test_tidying_a_folder_that_is_not_there_does_nothing(store):
    store.remove_all_but([])
    assert not store.folder.exists()
