import numpy as np
import pytest

from fgstp.core.errors import UserError
from fgstp.footage.clip_store import ClipStore
from fgstp.footage.clips import Clip


@pytest.fixture
def store(tmp_path):
    return ClipStore(tmp_path / "Mes clips" / "été")


@pytest.fixture
def full_clip(noise_frames):
    masks = noise_frames(5, seed=1) % 2
    return Clip(0, 0, noise_frames(5), "annotated", masks, np.array([-1, 0, 0, 1, 8], np.int8))


def names(store):
    return sorted(path.name for path in store.folder.iterdir())


def test_what_is_read_is_what_was_written(store, full_clip):
    store.write("MOV_1467_0042", full_clip)
    np.testing.assert_array_equal(store.frames("MOV_1467_0042"), full_clip.frames)
    np.testing.assert_array_equal(store.masks("MOV_1467_0042"), full_clip.masks)
    np.testing.assert_array_equal(store.leak_class("MOV_1467_0042"), full_clip.leak_class)
    assert store.leak_class("MOV_1467_0042").dtype == np.int8
    assert names(store) == [
        "MOV_1467_0042.frames.npy",
        "MOV_1467_0042.leak_class.npy",
        "MOV_1467_0042.masks.npy",
    ]


def test_clips_are_memory_mapped_and_cannot_be_changed(store, full_clip):
    store.write("a", full_clip)
    for part in (store.frames("a"), store.masks("a")):
        assert isinstance(part, np.memmap)
        with pytest.raises(ValueError, match="read-only"):
            part[0] = 0


def test_parts_that_are_none_leave_no_file_and_remove_an_old_one(store, full_clip):
    store.write("a", full_clip)
    store.write("a", Clip(0, 0, full_clip.frames))
    assert names(store) == ["a.frames.npy"]
    assert store.masks("a") is None
    assert store.leak_class("a") is None


@pytest.mark.parametrize("with_masks", [True, False])
@pytest.mark.parametrize("with_leak_class", [True, False])
def test_a_clip_is_there_with_exactly_its_parts(store, full_clip, with_masks, with_leak_class):
    parts = Clip(
        0,
        0,
        full_clip.frames,
        masks=full_clip.masks if with_masks else None,
        leak_class=full_clip.leak_class if with_leak_class else None,
    )
    expected = {"with_masks": with_masks, "with_leak_class": with_leak_class}
    assert not store.holds("a", **expected)
    store.write("a", parts)
    assert store.holds("a", **expected)
    for part, there in expected.items():
        assert not store.holds("a", **(expected | {part: not there}))
    assert not store.holds("b", **expected)
    store.path("a", "frames").unlink()
    assert not store.holds("a", **expected)


@pytest.mark.parametrize("keep_bytes", [None, 0, 60, 500])
def test_a_clip_that_cannot_be_read_is_named(store, full_clip, keep_bytes):
    store.write("a", full_clip)
    path = store.path("a", "frames")
    data = path.read_bytes()
    path.unlink()
    if keep_bytes is not None:
        path.write_bytes(data[:keep_bytes])
    with pytest.raises(UserError, match="The clip a cannot be read from") as error:
        store.frames("a")
    assert str(path) in str(error.value)
    assert "kedro run --pipelines=ingest" in str(error.value)


def test_an_interrupted_write_leaves_the_old_clip(store, full_clip, noise_frames, monkeypatch):
    store.write("a", full_clip)
    before = store.path("a", "frames").read_bytes()

    def half(stream, array):
        stream.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr("fgstp.footage.clip_store.np.save", half)
    with pytest.raises(KeyboardInterrupt):
        store.write("a", Clip(0, 0, noise_frames(5, seed=9)))
    assert store.path("a", "frames").read_bytes() == before
    assert len(names(store)) == 3


def test_a_full_disk_is_told_in_one_sentence(store, full_clip, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fgstp.footage.clip_store.np.save", full)
    with pytest.raises(UserError, match="No space left on device; free some space") as error:
        store.write("a", full_clip)
    assert str(store.path("a", "frames")) in str(error.value)
    assert names(store) == []


def test_only_stale_files_of_its_own_are_removed(store, full_clip):
    for clip in ("keep_0000", "keep_0001", "stale_0000"):
        store.write(clip, full_clip)
    half_written = [
        store.folder / ".tmp-123-stale_0001.frames.npy",
        store.folder / ".tmp-123-keep_0000.masks.npy",
    ]
    foreign = [
        store.folder / name
        for name in ("notes.txt", "array.npy", "keep_0000.png", ".gitignore", "frames.npy")
    ]
    for path in [*half_written, *foreign]:
        path.write_bytes(b"x")
    (store.folder / "sub").mkdir()

    removed = store.remove_all_but(["keep_0000", "keep_0001"])

    assert removed == 3 + 2
    kept = [f"keep_000{n}.{part}.npy" for n in (0, 1) for part in ("frames", "leak_class", "masks")]
    assert names(store) == sorted([*kept, *(path.name for path in foreign), "sub"])
    assert store.remove_all_but(["keep_0000", "keep_0001"]) == 0


def test_tidying_a_folder_that_is_not_there_does_nothing(store):
    assert store.remove_all_but([]) == 0
    assert not store.folder.exists()
