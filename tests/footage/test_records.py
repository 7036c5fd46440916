import json

import numpy as np
import pandas as pd
import pytest

from fgstp.core.errors import UserError
from fgstp.footage.descriptors import describe
from fgstp.footage.records import CLIP_COLUMNS, VIDEO_COLUMNS, RecordStore, table


@pytest.fixture
def store(tmp_path):
    return RecordStore(tmp_path / "records")


@pytest.fixture
def descriptors(noise_frames):
    return [describe(noise_frames(5, seed=seed)) for seed in range(3)]


def names(store):
    return sorted(path.name for path in store.folder.iterdir())


def test_what_a_row_lacks_is_missing_and_columns_keep_their_types():
    videos = table(
        [
            {"video": "a", "frames": 300, "fps_hz": 15, "low_counts": None, "error": None},
            {"video": "b", "error": "b: it is empty"},
        ],
        VIDEO_COLUMNS,
    )
    assert list(videos.columns) == list(VIDEO_COLUMNS)
    assert videos["frames"].dtype == "Int64"
    assert videos["fps_hz"].dtype == np.float64
    assert videos.loc[0, "frames"] == 300
    assert videos["frames"].isna().tolist() == [False, True]
    assert videos["error"].isna().tolist() == [True, False]
    assert videos["low_counts"].isna().all()


def test_a_table_without_rows_has_its_columns():
    clips = table([], CLIP_COLUMNS)
    assert len(clips) == 0
    assert clips["first_frame"].dtype == "Int64"
    # What follows ingest works on it without a special case.
    assert clips["dropped"].isna().sum() == 0


def test_a_table_is_the_same_after_a_csv_file(tmp_path):
    rows = [{"clip": "a_0000", "video": "a", "first_frame": 0, "leak_class": None}]
    clips = table(rows, CLIP_COLUMNS)
    clips.to_csv(tmp_path / "clips.csv", index=False)
    again = pd.read_csv(tmp_path / "clips.csv", dtype=CLIP_COLUMNS)
    pd.testing.assert_frame_equal(again, clips)


def test_a_record_and_its_descriptors_are_read_as_written(store, descriptors):
    record = {"settings": "abc", "video": {"video": "Öl 1", "low_counts": None}, "clips": []}
    store.write("Öl 1", record, descriptors)
    assert store.read("Öl 1") == record
    again = store.descriptors("Öl 1")
    assert len(again) == 3
    for one, other in zip(again, descriptors, strict=True):
        np.testing.assert_array_equal(one.as_array(), other.as_array())
    assert names(store) == ["Öl 1.descriptors.npy", "Öl 1.json"]


def test_a_record_that_is_not_whole_counts_as_none(store, descriptors):
    assert store.read("a") is None
    store.write("a", {"settings": "abc"}, descriptors)
    path = store.folder / "a.json"
    path.write_text(path.read_text()[:5])
    assert store.read("a") is None

    store.write("a", {"settings": "abc"}, descriptors)
    (store.folder / "a.descriptors.npy").unlink()
    assert store.read("a") is None


def test_the_record_is_written_last(store, descriptors, monkeypatch):
    # It is the sign that all is done: where its turn does not come, nothing may look done.
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fgstp.footage.records.np.save", full)
    with pytest.raises(UserError, match="No space left on device"):
        store.write("a", {"settings": "abc"}, descriptors)
    assert names(store) == []


def test_a_forgotten_video_leaves_nothing(store, descriptors):
    for name in ("a", "b"):
        store.write(name, {"settings": name}, descriptors)
    store.forget("a")
    store.forget("never seen")
    assert store.read("a") is None
    assert names(store) == ["b.descriptors.npy", "b.json"]


def test_all_but_the_named_videos_are_removed(store, descriptors):
    for name in ("a", "b", "b.2"):
        store.write(name, {"settings": name}, descriptors)
    for name in (".tmp-1-a.json", ".tmp-1-b.descriptors.npy", "lost.descriptors.npy", "notes.txt"):
        (store.folder / name).write_text(json.dumps({}))
    store.remove_all_but(["b", "b.2", "never seen"])
    assert names(store) == [
        *("b.2.descriptors.npy", "b.2.json", "b.descriptors.npy", "b.json", "notes.txt")
    ]
