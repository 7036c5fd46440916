import numpy as np
import pytest

from fgstp.adaptation.footage import STRETCH_S, prepare
from fgstp.core.errors import UserError

FPS_HZ, SIZE = 5, (40, 56)


def leak_free(n_frames, seed=0):
    """A noisy scene, whose first column tells the number of each frame."""
    rng = np.random.default_rng(seed)
    scene = np.linspace(40, 180, SIZE[1]) + 10 * seed
    frames = np.rint(scene + rng.normal(0, 1, (n_frames, *SIZE))).clip(0, 255).astype(np.uint8)
    numbers = np.arange(n_frames)
    frames[:, :, 0], frames[:, :, 1] = (numbers // 250)[:, None], (numbers % 250)[:, None]
    return frames


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, footage):
    folder = tmp_path_factory.mktemp("footage")
    long = footage.video(folder / "long.mkv", leak_free(120 * FPS_HZ), fps=FPS_HZ)
    short = footage.video(folder / "short.mkv", leak_free(10 * FPS_HZ, seed=1), fps=FPS_HZ)
    (folder / "work").mkdir()
    return prepare([long, short], folder / "work", n_train=4, n_held_out=3, seed=1)


def frames_of(prepared, kind, split):
    rows = prepared.videos[
        prepared.videos["video"].str.contains(kind) & (prepared.videos["split"] == split)
    ]
    return {video: prepared.store.clip(video) for video in rows["video"]}


@pytest.mark.parametrize(("split", "begin", "end"), [("train", 0, 0.7), ("validation", 0.75, 1)])
def test_what_is_held_out_is_a_part_of_its_own(prepared, split, begin, end):
    found = frames_of(prepared, "leak_free", split)
    for video, clip in found.items():
        n_frames = FPS_HZ * (120 if video.startswith("0_") else 10)
        numbers = 250 * clip.frames[:, 5, 0].astype(int) + clip.frames[:, 5, 1]
        assert begin * n_frames <= numbers.min() < numbers.max() < end * n_frames
        assert len(clip.frames) == STRETCH_S * FPS_HZ
        assert set(np.abs(np.diff(numbers))) == {1}  # there and back
        assert not clip.masks().any()
    assert len(found) == (3 if split == "train" else 2)


@pytest.mark.parametrize(("split", "count"), [("train", 4), ("validation", 3)])
def test_composites_show_gas_in_the_same_footage(prepared, split, count):
    found = frames_of(prepared, "composite", split)
    assert len(found) == count
    own = frames_of(prepared, "leak_free", split)
    shares = []
    for video, clip in found.items():
        masks = clip.masks() > 0
        bare = own[f"{video.partition('_composite')[0]}_leak_free"].frames
        changes = np.abs(clip.frames.astype(int) - bare)
        assert changes[~masks].mean() < 0.5
        if masks.any():
            assert changes[masks].mean() > 3
        shares.append(masks.any(axis=(1, 2)).mean())
    assert 0.2 < np.mean(shares) < 1


def test_footage_that_is_too_short_or_comes_twice_is_refused(footage, tmp_path):
    frames = leak_free(10 * FPS_HZ)
    short = footage.video(tmp_path / "short.mkv", frames[: 7 * FPS_HZ], fps=FPS_HZ)
    with pytest.raises(UserError, match=r"short\.mkv lasts 7\.0 s.*8 s or more"):
        prepare([short], tmp_path, n_train=1, n_held_out=1, seed=1)
    twins = [footage.video(tmp_path / f"{name}.mkv", frames, fps=FPS_HZ) for name in "ab"]
    with pytest.raises(UserError, match="same content"):
        prepare(twins, tmp_path, n_train=2, n_held_out=2, seed=1)
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    with pytest.raises(UserError, match=r"bad\.mp4 cannot be opened"):
        prepare([tmp_path / "bad.mp4"], tmp_path, n_train=1, n_held_out=1, seed=1)


def test_footage_of_a_low_rate_fills_a_clip_all_the_same(footage, tmp_path):
    slow = footage.video(tmp_path / "slow.mkv", leak_free(40), fps=1)
    found = prepare([slow], tmp_path, n_train=1, n_held_out=1, seed=1)
    assert set(found.videos["frames"]) == {50}
    assert set(found.videos["fps_hz"]) == {1.0}


def test_of_many_videos_some_are_taken(footage, tmp_path):
    many = [
        footage.video(tmp_path / f"{n}.mkv", leak_free(8 * FPS_HZ, seed=n), fps=FPS_HZ)
        for n in range(5)
    ]
    found = prepare(many, tmp_path, n_train=2, n_held_out=1, seed=2)
    assert len(found.videos) == 6
    assert found.videos.loc[found.videos["split"] == "train", "video"].str[0].nunique() == 2
