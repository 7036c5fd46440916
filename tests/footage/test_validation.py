import numpy as np
import pandas as pd
import pytest

from fgstp.footage.clip_table import CLIP_COLUMNS, table
from fgstp.footage.settings import ValidationSettings
from fgstp.footage.validation import GUARD, hold_out

LENGTH = 150
SETTINGS = ValidationSettings()


def clip_table(dropped=(), **videos):
    """A clip table: the number of clips of each training video; a pair names another split."""
    rows = []
    for video, count_or_pair in videos.items():
        count, split = count_or_pair if isinstance(count_or_pair, tuple) else (count_or_pair, None)
        for index in range(count):
            clip = f"{video}_{index:04d}"
            rows.append(
                {
                    "clip": clip,
                    "video": video,
                    "first_frame": index * LENGTH,
                    "frames": LENGTH,
                    "split": split or "train",
                    "mask_source": "none",
                    "dropped": "duplicate" if clip in dropped else None,
                }
            )
    return table(rows, CLIP_COLUMNS)


def places(clips, mask):
    return clips.loc[mask, "first_frame"].to_numpy(int) // LENGTH


def held(clips):
    return clips["split"] == "validation"


def test_the_share_is_held_out_of_every_training_video():
    clips = hold_out(clip_table(a=100, b=40), SETTINGS, seed=0)
    counts = clips[held(clips)].groupby("video").size()
    assert counts.to_dict() == {"a": 15, "b": 6}
    assert clips.loc[held(clips), "dropped"].isna().all()


@pytest.mark.parametrize("gap_clips", [1, 2, 3])
def test_no_training_clip_is_kept_within_the_gap_of_a_validation_clip(gap_clips):
    settings = ValidationSettings(fraction=0.1, gap_clips=gap_clips)
    dropped = {f"a_{index:04d}" for index in range(0, 100, 7)}
    clips = hold_out(clip_table(a=100, b=60, dropped=dropped), settings, seed=3)
    for video in ("a", "b"):
        rows = clips[clips["video"] == video]
        chosen = places(rows, held(rows))
        training = places(rows, (rows["split"] == "train") & rows["dropped"].isna())
        distances = np.abs(chosen[:, None] - training)
        assert distances.min() == gap_clips + 1
        # Nothing but the neighbours is given up.
        guards = places(rows, rows["dropped"] == GUARD)
        assert (rows.loc[rows["dropped"] == GUARD, "split"] == "train").all()
        assert np.abs(guards[:, None] - chosen).min(axis=1).max() <= gap_clips


def test_runs_of_three_are_spread_over_the_whole_video():
    clips = hold_out(clip_table(a=120), ValidationSettings(fraction=0.1), seed=0)
    chosen = places(clips, held(clips))
    starts = chosen[::3]
    np.testing.assert_array_equal(np.diff(starts), 30)
    np.testing.assert_array_equal(chosen, (starts[:, None] + np.arange(3)).ravel())
    assert (clips["dropped"] == GUARD).sum() == 8  # on both sides of each run


def test_dropped_clips_are_neither_held_out_nor_counted():
    dropped = {f"a_{index:04d}" for index in range(100) if index % 2}
    clips = hold_out(clip_table(a=100, dropped=dropped), ValidationSettings(fraction=0.1), seed=0)
    assert held(clips).sum() == 5
    assert (places(clips, held(clips)) % 2 == 0).all()
    # A gap of one clip is a gap in time: the dropped clips between are gap enough.
    assert (clips["dropped"] == GUARD).sum() == 0
    assert (clips["dropped"] == "duplicate").sum() == 50


def test_the_same_seed_gives_the_same_and_another_seed_others():
    clips = clip_table(a=100, b=100)
    first = hold_out(clips, SETTINGS, seed=0)
    pd.testing.assert_frame_equal(clips, clip_table(a=100, b=100))  # it is not changed
    pd.testing.assert_frame_equal(first, hold_out(clips, SETTINGS, seed=0))
    assert any(
        not held(first).equals(held(hold_out(clips, SETTINGS, seed=seed))) for seed in (1, 2)
    )
    # Videos are not all cut at the same places.
    by_video = [places(first, held(first) & (first["video"] == video)) for video in "ab"]
    assert by_video[0].tolist() != by_video[1].tolist()


def test_a_video_does_not_depend_on_the_others():
    alone = hold_out(clip_table(b=50), SETTINGS, seed=0)
    together = hold_out(clip_table(a=33, b=50), SETTINGS, seed=0)
    together = together[together["video"] == "b"].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, together)


@pytest.mark.parametrize(
    ("videos", "settings"),
    [
        ({"a": 50, "b": (5, "validation"), "c": (5, "test")}, SETTINGS),
        ({"a": 50, "b": 2}, ValidationSettings(fraction=0)),
    ],
)
def test_validation_clips_of_the_footage_and_a_share_of_0_change_nothing(videos, settings):
    clips = clip_table(**videos)
    pd.testing.assert_frame_equal(hold_out(clips, settings, seed=0), clips)


@pytest.mark.parametrize("train_clips", [50, 2])
def test_test_videos_are_never_touched(train_clips):
    videos = {f"t{n}": (40, "test") for n in range(3)}
    clips = clip_table(a=train_clips, b=train_clips, **videos)
    after = hold_out(clips, SETTINGS, seed=0)
    tests = clips["split"] == "test"
    pd.testing.assert_frame_equal(after[tests], clips[tests])
    assert held(after).any()


def test_where_clips_are_too_few_whole_videos_are_held_out():
    # Three clips: one held out with its two neighbours dropped would leave nothing.
    videos = {f"v{n}": 3 for n in range(10)}
    clips = hold_out(clip_table(**videos), ValidationSettings(fraction=0.3), seed=0)
    whole = clips.groupby("video")["split"].agg(set)
    assert sorted(map(tuple, whole)) == [("train",)] * 7 + [("validation",)] * 3
    assert (clips["dropped"] == GUARD).sum() == 0
    others = [
        hold_out(clip_table(**videos), ValidationSettings(fraction=0.3), s) for s in (1, 2, 3)
    ]
    assert any(not held(other).equals(held(clips)) for other in others)


def test_one_video_always_stays_for_training():
    clips = hold_out(clip_table(a=2, b=2), ValidationSettings(fraction=1), seed=0)
    assert held(clips).sum() == 2
    alone = hold_out(clip_table(a=2), SETTINGS, seed=0)
    assert not held(alone).any()


def test_a_short_video_among_long_ones_stays_for_training():
    clips = hold_out(clip_table(a=40, b=3, c=4), SETTINGS, seed=0)
    assert clips[held(clips)].groupby("video").size().to_dict() == {"a": 6, "c": 1}
    short = clips[clips["video"] == "b"]
    assert (short["split"] == "train").all()
    assert short["dropped"].isna().all()


@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
@pytest.mark.parametrize("gap_clips", [1, 2])
def test_however_large_the_share_some_clips_are_left_for_training(share, gap_clips):
    settings = ValidationSettings(fraction=share, gap_clips=gap_clips)
    clips = hold_out(clip_table(a=40), settings, seed=2)
    left = (clips["split"] == "train") & clips["dropped"].isna()
    assert held(clips).sum() > 0
    assert left.sum() >= 40 // (4 + 2 * gap_clips)


@pytest.mark.parametrize("n_clips", range(4, 12))
@pytest.mark.parametrize("seed", range(3))
def test_a_short_video_keeps_a_clip_for_training_too(n_clips, seed):
    clips = hold_out(clip_table(a=n_clips), ValidationSettings(fraction=1.0), seed=seed)
    assert held(clips).any()
    assert ((clips["split"] == "train") & clips["dropped"].isna()).any()
