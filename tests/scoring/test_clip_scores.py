"""Scores of a clip."""

import numpy as np
import pandas as pd
import pytest

from fgstp.core.errors import UserError
from fgstp.scoring import PAPER, GroundTruth, ScoringProtocol, list_metrics, score_clip

METRICS = [metric.name for metric in list_metrics("all")]
COLUMNS = [
    "frame",
    *("s_measure", "weighted_f", "mae", "e_mean", "e_adaptive", "e_max"),
    *("iou_mean", "dice_mean", "iou", "dice"),
    *("iou_gas", "gas", "frame_score", "predicted_fraction", "false_alarm_fraction", "false_alarm"),
]


def test_a_row_a_frame_with_its_protocol(make_clip):
    predictions, masks = make_clip(n_frames=7)
    rows = score_clip(predictions, masks)
    assert rows.columns.tolist() == [*COLUMNS, *PAPER.columns]
    assert rows["frame"].tolist() == list(range(7))
    assert set(rows["protocol"]) == {"paper"}
    assert set(rows["norm"]) == {"minmax"}


@pytest.mark.parametrize("pixels", [1, 3000, 10**9])
def test_how_many_frames_are_counted_at_a_time_does_not_matter(make_clip, monkeypatch, pixels):
    predictions, masks = make_clip()
    expected = score_clip(predictions, masks)
    monkeypatch.setattr("fgstp.scoring.clip_scores.BLOCK_PIXELS", pixels)
    assert score_clip(predictions, masks).equals(expected)
    truths = [GroundTruth.from_mask(mask) for mask in masks]
    for _ in range(2):  # the second time from what was cached
        assert score_clip(predictions, truths).equals(expected)


def test_inputs_may_be_read_only_mapped_or_strided_and_stay_as_they_were(make_clip, tmp_path):
    predictions, masks = make_clip()
    expected = score_clip(predictions, masks)
    np.save(tmp_path / "p.npy", predictions)
    np.save(tmp_path / "m.npy", masks)
    mapped = [np.load(tmp_path / name, mmap_mode="r") for name in ("p.npy", "m.npy")]
    assert score_clip(*mapped).equals(expected)
    wide = np.repeat(predictions, 2, axis=2)
    assert score_clip(wide[:, :, ::2], masks).equals(expected)
    assert np.array_equal(np.load(tmp_path / "p.npy"), predictions)


def test_only_the_stretch_makes_contrast_irrelevant(score, make_clip):
    predictions, masks = make_clip(n_frames=1)
    binary = predictions[0] > 128
    names = list(METRICS)
    faint, strong = (score(binary * level, masks[0])[names] for level in (60, 255))
    assert list(faint) == pytest.approx(list(strong), abs=1e-12)
    faint = score(binary * 60, masks[0], "operational", 128)
    assert faint["iou"] == 0
    assert faint["mae"] != strong["mae"]


def test_binary_input_is_what_a_binary_picture_gives(make_clip):
    predictions, masks = make_clip()
    protocol = ScoringProtocol(name="own", input="binary", norm="none", threshold=90)
    pictures = np.where(predictions >= 90, 255, 0).astype(np.uint8)
    found = score_clip(predictions, masks, protocol)[list(METRICS)]
    expected = score_clip(pictures, masks)[list(METRICS)]
    pd.testing.assert_frame_equal(found, expected, rtol=0, atol=1e-14)


def test_binary_input_is_cut_after_the_stretch(score):
    row = score([[0, 30], [20, 10]], [[0, 1], [1, 0]], "paper_binary")
    assert row["iou"] == 1
    assert row["mae"] == 0


def test_empty_frames_by_the_three_rules():
    masks = np.zeros((3, 4, 4), np.uint8)
    masks[2, 1, 1] = 1
    predictions = np.zeros_like(masks)
    predictions[1, 2, 2] = 150
    predictions[2, 1, 1] = 255

    def scored(empty):
        return score_clip(predictions, masks, ScoringProtocol(name="own", norm="none", empty=empty))

    assert scored("score")["iou"].tolist() == [0, 0, 1]
    assert scored("score")["weighted_f"].tolist() == pytest.approx([0, 0, 1])
    credit = scored("credit")
    assert credit["iou"].tolist() == credit["dice"].tolist() == [1, 0, 1]
    assert credit["iou_mean"].tolist()[:2] == pytest.approx([255 / 256, 105 / 256])
    assert credit["weighted_f"].isna().tolist() == [True, True, False]
    skip = scored("skip")
    assert skip[list(METRICS)].isna().all(axis=1).tolist() == [True, True, False]
    assert skip["false_alarm"].tolist()[:2] == [0, 1]
    assert skip["frame_score"].notna().all()


def test_the_iou_of_frames_with_gas_leaves_out_the_others():
    masks = np.zeros((3, 4, 4), np.uint8)
    masks[1, :2] = masks[2, :2] = 1
    predictions = np.zeros_like(masks)
    predictions[1, :2] = predictions[2, 0] = 255  # all, and half, of what is there
    rows = score_clip(predictions, masks, "operational", threshold=128)
    assert rows["iou"].tolist() == [1, 1, 0.5]
    np.testing.assert_array_equal(rows["iou_gas"], [np.nan, 1, 0.5])


@pytest.mark.parametrize(
    ("protocol", "threshold", "shares"),
    [
        ("operational", 100, [0, 0.25, 0.25, 1]),
        ("operational", 128, [0, 0, 0.25, 1]),
        # Stretched, level 128 is 113 of 99 to 127, 65 of 0 to 128, 218 of 180 to 255.
        ("paper", None, [0, 0.25, 0.5, 0.75]),
    ],
)
def test_the_share_of_pixels_predicted_is_that_at_the_protocols_threshold(
    protocol, threshold, shares
):
    frames = [[0, 0, 0, 0], [99, 127, 99, 99], [0, 9, 99, 128], [180, 220, 250, 255]]
    predictions = np.array(frames, np.uint8).reshape(4, 2, 2)
    masks = np.zeros_like(predictions)
    masks[1:3, 0, 0] = 1  # which does not matter
    rows = score_clip(predictions, masks, protocol, threshold)
    assert rows["predicted_fraction"].tolist() == shares


def test_the_last_frames_can_be_left_out(make_clip):
    predictions, masks = make_clip(n_frames=5)
    rows = score_clip(predictions, masks, ScoringProtocol(name="own", drop_last_frames=2))
    assert rows[COLUMNS].equals(score_clip(predictions, masks)[COLUMNS].head(3))
    with pytest.raises(UserError, match="nothing to score"):
        score_clip(predictions, masks, ScoringProtocol(name="own", drop_last_frames=5))
    protocol = ScoringProtocol(name="own", drop_given=True, drop_last_frames=4)
    with pytest.raises(UserError, match="first with gas and the last 4: there is nothing to score"):
        score_clip(predictions, masks, protocol)


@pytest.mark.parametrize("form", [np.uint8, bool, "truths"])
@pytest.mark.parametrize(
    ("first", "numbers"), [(0, [1, 2, 3]), (2, [0, 1, 3]), (4, [0, 1, 2, 3]), (5, [0, 1, 2, 3])]
)
@pytest.mark.parametrize("pixels", [1, 10**9])
def test_the_given_frame_can_be_left_out_and_the_others_keep_their_numbers(
    make_clip, monkeypatch, first, numbers, form, pixels
):
    """It is the first with gas, wherever that is; a clip without gas loses none."""
    predictions, masks = make_clip(n_frames=5)
    masks[:first] = 0
    whole = score_clip(predictions, masks)
    monkeypatch.setattr("fgstp.scoring.clip_scores.BLOCK_PIXELS", pixels)
    given = (
        [GroundTruth.from_mask(mask) for mask in masks] if form == "truths" else masks.astype(form)
    )
    rows = score_clip(
        predictions, given, ScoringProtocol(name="own", drop_given=True, drop_last_frames=1)
    )
    assert rows["frame"].tolist() == numbers
    expected = whole[COLUMNS].iloc[numbers].reset_index(drop=True)
    pd.testing.assert_frame_equal(rows[COLUMNS], expected, check_exact=True)


@pytest.mark.parametrize("drop_given", [False, True])
def test_frames_that_are_annotated_here_and_there_have_their_numbers(make_clip, drop_given):
    predictions, masks = make_clip(n_frames=20)
    masks[0] = 0
    protocol = ScoringProtocol(name="own", drop_given=drop_given)
    rows = score_clip(predictions[::5], masks[::5], protocol, numbers=range(0, 20, 5))
    # The first of them with gas is 5.
    assert rows["frame"].tolist() == ([0, 10, 15] if drop_given else [0, 5, 10, 15])
    whole = score_clip(predictions, masks).set_index("frame")
    found = rows.set_index("frame")
    pd.testing.assert_frame_equal(found[COLUMNS[1:]], whole.loc[found.index, COLUMNS[1:]])


def test_a_models_own_frame_scores_take_the_place_of_those_of_its_maps(make_clip):
    predictions, masks = make_clip(n_frames=4)
    own = np.array([0.1, 2.5, -3, 1e-9], np.float32)
    expected = score_clip(predictions, masks).assign(frame_score=own.astype(np.float64))
    pd.testing.assert_frame_equal(score_clip(predictions, masks, frame_scores=own), expected)
    later = score_clip(
        predictions, masks, ScoringProtocol(name="own", drop_given=True), frame_scores=own
    )
    assert later["frame_score"].tolist() == own[1:].tolist()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"numbers": [0, 5]}, "3 frames need as many whole numbers"),
        ({"numbers": [0, 5, 5]}, "from 0 that rise"),
        ({"numbers": [-1, 5, 10]}, "from 0 that rise"),
        ({"numbers": [0.0, 5.0, 10.0]}, "whole numbers"),
        ({"frame_scores": [0.5, 0.5]}, "3 frames need as many frame scores"),
        ({"frame_scores": [0.5, np.nan, 0.5]}, "none of them NaN"),
    ],
)
def test_numbers_and_frame_scores_of_other_frames_are_refused(make_clip, wrong, words):
    with pytest.raises(UserError, match=words):
        score_clip(*make_clip(n_frames=3), **wrong)


def test_operational_needs_a_threshold_from_validation(make_clip):
    predictions, masks = make_clip(n_frames=2)
    with pytest.raises(UserError, match="choose_threshold"):
        score_clip(predictions, masks, "operational")
    rows = score_clip(predictions, masks, "operational", threshold=77)
    assert set(rows["threshold"]) == {77}


def zeros(*shape, dtype=np.uint8):
    return np.zeros(shape, dtype)


@pytest.mark.parametrize(
    ("predictions", "masks", "words"),
    [
        (zeros(2, 4, 4), zeros(2, 4, 5), r"are \(2, 4, 4\) but the masks are \(2, 4, 5\)"),
        (zeros(2, 4, 4), zeros(3, 4, 4), "but the masks are"),
        (zeros(2, 4, 4), [GroundTruth.from_mask(zeros(4, 4))], r"the masks are \(1, 4, 4\)"),
        (zeros(2, 4, 4, dtype=np.float32), zeros(2, 4, 4), "uint8 probability maps.*float32"),
        ([[[0]]], zeros(1, 1, 1), "uint8 probability maps.*list"),
        (zeros(4, 4), zeros(4, 4), r"are \(T, H, W\), not \(4, 4\)"),
        (zeros(0, 4, 4), zeros(0, 4, 4), "clip is empty"),
        (zeros(2, 0, 4), zeros(2, 0, 4), "clip is empty"),
        (zeros(1, 4, 4), zeros(1, 4, 4, dtype=int), "Masks are bool or uint8, not int64"),
        (zeros(1, 4, 4), [zeros(4, 4)], "sequence of GroundTruth"),
        (zeros(1, 4, 4), None, "sequence of GroundTruth"),
        (zeros(1, 4, 4), zeros(1, 4, 4) + 9, "0 and 1, or 0 and 255"),
        (
            zeros(2, 4, 4),
            [GroundTruth.from_mask(zeros(4, 4)), GroundTruth.from_mask(zeros(4, 5))],
            "have one size",
        ),
        (zeros(1, 4, 4), [], "the masks are"),
    ],
)
def test_what_is_no_clip_is_refused(predictions, masks, words):
    with pytest.raises(UserError, match=words) as error:
        score_clip(predictions, masks)
    assert "\n" not in str(error.value)
