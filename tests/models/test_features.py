import numpy as np
import pytest

from fgstp.models.features import FeatureStore
from fgstp.models.mg.flow import DisFlow, VideoFlow
from fgstp.models.sampling import FlowPairs, SampleKey

GAPS = (-1, 1)


def flow(height_px=16):
    return VideoFlow(DisFlow("ultrafast"), GAPS, height_px, 24)


@pytest.fixture
def rows(clips):
    """Two clips of one video with a gap between them, and one of another."""
    rng = np.random.default_rng(0)
    made = {
        name: clips.add(
            name, rng.integers(0, 256, (length, 32, 48)).astype(np.uint8), video=name[0]
        )
        for name, length in {"a_0": 4, "a_gap": 3, "a_1": 5, "b_0": 3}.items()
    }
    del made["a_gap"]
    return list(made.values())


@pytest.fixture
def store(tmp_path):
    return FeatureStore(tmp_path / "04_feature/mg")


def test_what_is_read_is_what_is_computed_of_each_clip(store, clips, rows):
    store.write(flow(), rows, clips.store)
    for row in rows:
        frames = row.read(clips.store).frames
        expected = list(flow().compute(frames, range(len(frames))))
        np.testing.assert_array_equal(store.read(row), expected)
    assert store.holds(flow(), rows)


def test_they_are_of_these_settings_and_clips_alone(store, clips, rows):
    store.write(flow(), rows, clips.store)
    assert not store.holds(flow(height_px=8), rows)
    assert not store.holds(flow(), rows[1:])  # a_1 alone is another selection of the video
    clips.change("b_0", frames=255 - clips.clip("b_0").frames)
    assert not store.holds(flow(), [*rows[:2], clips.row("b_0")])


def test_features_of_other_code_are_not_taken(store, clips, rows, monkeypatch):
    store.write(flow(), rows, clips.store)
    monkeypatch.setattr("fgstp.models.features.code_digest", lambda places: "other")
    assert not store.holds(flow(), rows)


def test_finished_videos_stay_and_others_go(store, clips, rows):
    store.write(flow(), rows, clips.store)
    before = {path.name: path.stat().st_mtime_ns for path in store.folder.iterdir()}
    (store.folder / "b.features.npy").unlink()
    store.write(flow(), rows, clips.store)
    now = {path.name: path.stat().st_mtime_ns for path in store.folder.iterdir()}
    assert {name for name in before if now[name] != before[name]} <= {
        "b.features.npy",
        "b.stamp.json",
    }
    store.write(flow(), rows[:2], clips.store)
    assert {path.name for path in store.folder.iterdir()} == {"a.features.npy", "a.stamp.json"}


def test_a_sample_is_the_same_with_and_without_them(store, clips, rows):
    from dataclasses import replace

    store.write(flow(), rows, clips.store)
    sampling = FlowPairs(GAPS, flow())
    for row in rows:
        clip = row.read(clips.store)
        for start in range(row.n_frames):
            key = SampleKey(0, range(start, start + 1), (1, start))
            computed = sampling.sample(clip, key, None)
            kept = sampling.sample(replace(clip, features=store.read(row)), key, None)
            np.testing.assert_array_equal(computed.frames, kept.frames)
