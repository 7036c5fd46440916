import numpy as np
import pandas as pd
import pytest

from fgstp.core.errors import UserError
from fgstp.footage.clip_table import (
    CLIP_COLUMNS,
    VIDEO_COLUMNS,
    clip_rows,
    digest,
    masked_clips,
    spread,
    table,
)


@pytest.fixture
def clips(clips):
    """Clips of which noise is the content."""

    def add(name, split="test", mask_source="annotated", seed=0, **more):
        frames = np.random.default_rng(seed).integers(0, 256, (3, 4, 5)).astype(np.uint8)
        masks = None if mask_source == "none" else frames % 2
        return type(clips).add(
            clips, name, frames, masks, split=split, mask_source=mask_source, **more
        )

    clips.add = add
    return clips


def of(clips, split="test", allow_pseudo_masks=False):
    return masked_clips(
        clips.table,
        clips.store,
        split,
        allow_pseudo_masks=allow_pseudo_masks,
        setting="evaluate.allow_pseudo_masks",
    )


def sentence(clips, split="test"):
    with pytest.raises(UserError) as error:
        of(clips, split)
    assert "\n" not in str(error.value)
    return str(error.value)


# -------------------------------------------------------------------------- tables


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


# -------------------------------------------------------------------- masked clips


def test_kept_clips_of_the_split_that_have_masks_in_the_order_of_the_table(clips):
    wanted = [clips.add("b"), clips.add("a", mask_source="synthetic")]
    clips.add("repeated", dropped="duplicate")
    clips.add("guard", dropped="guard")
    clips.add("bare", mask_source="none")
    other = clips.add("c", split="train")
    assert of(clips) == wanted
    assert of(clips, "train") == [other]


def test_without_clips_one_is_told_to_run_ingest(clips):
    assert "There are no clips; run `kedro run --pipelines=ingest` first." in sentence(clips)
    clips.add("a", dropped="duplicate")
    assert "There are no clips" in sentence(clips)


@pytest.mark.parametrize(
    ("split", "remedy"),
    [
        ("train", "give some videos the split train, and run ingest again"),
        ("validation", "raise ingest.validation.fraction, and run ingest again"),
        ("test", "give some videos the split test, and run ingest again"),
    ],
)
def test_an_empty_split_is_told_with_its_remedy(clips, split, remedy):
    splits = {"train", "validation", "test"}
    for number, other in enumerate(sorted(splits - {split})):
        clips.add(f"v_{number}", split=other)
    clips.add("dropped", split=split, dropped="duplicate")
    assert sentence(clips, split) == f"None of the 2 clips is in the split {split}; {remedy}."
    clips.add("bare", split=split, mask_source="none")
    assert f"No clip of the split {split} has masks; put masks beside" in sentence(clips, split)


def test_pseudo_masks_have_to_be_allowed(clips):
    wanted = [clips.add("a"), clips.add("b", mask_source="pseudo")]
    clips.add("c", mask_source="none")
    said = sentence(clips)
    assert said.startswith("1 of the 2 clips of the split test have masks that were computed")
    assert "set evaluate.allow_pseudo_masks to take them" in said
    assert of(clips, allow_pseudo_masks=True) == wanted


def test_clips_that_are_left_out_and_masks_of_two_kinds_are_told(clips, caplog):
    clips.add("a")
    clips.add("b", mask_source="none", dropped="duplicate")
    clips.add("c", mask_source="none", split="train")
    of(clips)
    clips.add("pseudo", split="validation", mask_source="pseudo")
    of(clips, "validation", allow_pseudo_masks=True)
    assert not caplog.records
    clips.add("d", mask_source="none")
    clips.add("e", mask_source="none")
    clips.add("f", mask_source="pseudo")
    of(clips, allow_pseudo_masks=True)
    assert [record.getMessage() for record in caplog.records] == [
        "2 of the 4 clips of the split test have no masks and are left out.",
        "Of the 2 clips of the split test, 1 have masks computed from the footage, the others not.",
    ]
    assert {record.levelname for record in caplog.records} == {"WARNING"}


def test_files_of_clips_that_are_not_wanted_need_not_be_there(clips):
    wanted = clips.add("a")
    clips.add("b", split="train")
    clips.add("c", dropped="duplicate")
    clips.store.remove_all_but(["a"])
    assert of(clips) == [wanted]


def test_masks_and_frames_that_are_gone_are_reported(clips):
    clips.add("a")
    clips.store.path("a", "masks.npy").unlink()
    said = sentence(clips)
    assert said.startswith("The masks of the clip a in ")
    assert said.endswith("run `kedro run --pipelines=ingest`.")
    clips.store.path("a", "frames.npy").unlink()
    assert "The video a cannot be read from" in sentence(clips)


def test_a_clip_is_viewed_in_its_video(clips):
    rows = [clips.add(f"v_000{number}", seed=number, video="v") for number in range(3)]
    whole = clips.store.clip("v")
    assert len(whole.frames) == 9
    view = rows[1].read(clips.store)
    np.testing.assert_array_equal(view.frames, whole.frames[3:6])
    np.testing.assert_array_equal(view.masks(), whole.masks()[3:6])


# -------------------------------------------------------------------------- digest


@pytest.mark.parametrize("name", ["../v", "a/../../v", "/v", ".v", "v\n", "", "x" * 201])
def test_names_that_lead_elsewhere_are_refused(clips, name):
    clips.add("v_0000")
    with pytest.raises(UserError, match="clip table names the video"):
        clip_rows(clips.table.assign(video=name))


def test_the_digest_is_of_names_frames_and_masks(clips):
    """The clips are all alike but the last."""
    a, b, c, d = clips.add("a"), clips.add("b"), clips.add("c"), clips.add("d", seed=1)
    chosen = [[], [a], [b], [a, b], [a, c], [b, a], [a, b, c], [a, d], [d]]
    assert len({digest(each) for each in chosen}) == len(chosen)
    assert digest(iter([a, b])) == digest([a, b])
    assert len(digest([a])) == 64
    moved = a._replace(video="elsewhere", first_frame=300)
    assert digest([moved]) == digest([a])
    assert digest([a._replace(content_hash="0" * 32)]) != digest([a])


@pytest.mark.parametrize(
    ("length", "count", "places"),
    [(9, 3, [0, 4, 8]), (2, 4, [0, 1]), (1, 3, [0]), (100, 5, [0, 25, 50, 74, 99])],
)
def test_rows_are_spread_from_the_first_to_the_last(length, count, places):
    rows = pd.DataFrame({"place": range(length)}, index=range(50, 50 + length))
    assert spread(rows, count)["place"].tolist() == places
