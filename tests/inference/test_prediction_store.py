import numpy as np
import pytest

from fgstp.core.errors import UserError
from fgstp.inference.prediction_store import PredictionStore


@pytest.fixture
def store(tmp_path):
    return PredictionStore(tmp_path / "Mes prédictions [1]" / "fgstp")


def maps(seed=0):
    return np.random.default_rng(seed).integers(0, 256, (3, 4, 5)).astype(np.uint8)


def names(store):
    return sorted(path.name for path in store.folder.iterdir())


def test_what_is_read_is_what_was_written(store):
    assert not store.holds("a.b_0000")
    store.write("a.b_0000", maps())
    assert store.holds("a.b_0000")
    assert not store.holds("a")
    read = store.read("a.b_0000")
    np.testing.assert_array_equal(read, maps())
    assert read.dtype == np.uint8
    assert isinstance(read, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        read[0] = 0


def test_predictions_of_the_same_maker_stay(store):
    store.made_by("checkpoint 1 clips 1")
    store.write("a", maps())
    store.made_by("checkpoint 1 clips 1")
    np.testing.assert_array_equal(store.read("a"), maps())


@pytest.mark.parametrize("other", ["checkpoint 1 clips 2", "checkpoint 1", "", "Checkpoint 1 é"])
def test_predictions_of_another_maker_go(store, other):
    store.made_by("checkpoint 1 clips 1")
    store.write("a", maps())
    store.made_by(other)
    assert not store.holds("a")
    store.write("b", maps())
    store.made_by(other)
    assert store.holds("b")
    store.made_by("checkpoint 1 clips 1")
    assert not store.holds("b")


def test_predictions_of_nobody_knows_whom_go(store):
    store.write("a", maps())
    store.made_by("checkpoint 1")
    assert not store.holds("a")


def test_the_old_predictions_are_gone_before_the_new_maker_is_noted(store, monkeypatch):
    """Killed in between, it must not take the old ones for the new maker's."""
    store.made_by("old")
    store.write("a", maps())

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("fgstp.inference.prediction_store.write_text", killed)
    with pytest.raises(KeyboardInterrupt):
        store.made_by("new")
    assert not store.holds("a")
    monkeypatch.undo()
    store.made_by("new")
    assert not store.holds("a")


def test_only_predictions_of_other_clips_are_removed(store):
    store.made_by("maker")
    for clip in ("v.1_0000", "v.1_0001", "v"):
        store.write(clip, maps())
    (store.folder / ".tmp-w_0000.npy").write_bytes(b"half")
    (store.folder / "notes.txt").write_text("mine")
    (store.folder / "sub").mkdir()
    store.remove_all_but(["v.1_0001", "w_0000"])
    assert names(store) == ["made_by.txt", "notes.txt", "sub", "v.1_0001.npy"]
    store.remove_all_but([])
    assert names(store) == ["made_by.txt", "notes.txt", "sub"]


def test_tidying_a_folder_that_is_not_there_does_nothing(store):
    store.remove_all_but(["a"])
    assert not store.folder.exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
@pytest.mark.parametrize("old", [False, True])
def test_a_write_that_is_broken_off_leaves_no_half_file(store, monkeypatch, error, old):
    store.folder.mkdir(parents=True)
    if old:
        store.write("a", maps())

    def half(stream, _):
        stream.write(b"half")
        raise error

    monkeypatch.setattr("fgstp.inference.prediction_store.np.save", half)
    with pytest.raises((KeyboardInterrupt, UserError)) as caught:
        store.write("a", maps(1))
    if not isinstance(error, type):
        assert f"Cannot write {store.path('a')}: No space left" in str(caught.value)
    assert names(store) == (["a.npy"] if old else [])
    if old:
        np.testing.assert_array_equal(store.read("a"), maps())


@pytest.mark.parametrize("keep_bytes", [None, 0, 60, 150])
def test_predictions_that_cannot_be_read_are_named_with_the_remedy(store, keep_bytes):
    store.write("a", maps())
    data = store.path("a").read_bytes()
    store.path("a").unlink()
    if keep_bytes is not None:
        store.path("a").write_bytes(data[:keep_bytes])
    with pytest.raises(UserError, match="The predictions of the clip a cannot be read") as error:
        store.read("a")
    assert str(store.path("a")) in str(error.value)
    assert "kedro run --pipelines=evaluate" in str(error.value)
