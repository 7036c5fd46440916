"""Thresholds that are chosen on validation clips."""

import numpy as np
import pytest

from fgstp.core.errors import UserError
from fgstp.scoring import (
    OPERATIONAL,
    PAPER,
    ScoringProtocol,
    ThresholdSearch,
    choose_threshold,
    score_clip,
)
from fgstp.scoring.thresholds import with_threshold


def test_the_best_threshold_by_hand():
    """Gas at 90 and 60, background up to 70: from 71 one of two is found, up to 60 one too many."""
    prediction = np.array([[[90, 60], [70, 0]]], np.uint8)
    mask = np.array([[[1, 1], [0, 0]]], np.uint8)
    search = ThresholdSearch()
    search.add(prediction, mask)
    curve = search.mean_iou
    assert curve[[0, 1, 60, 61, 70, 71, 90, 91]] == pytest.approx(
        [1 / 2, 2 / 3, 2 / 3, 1 / 3, 1 / 3, 1 / 2, 1 / 2, 0]
    )
    assert search.best() == 60  # 1 to 60 are equal; the nearest to the middle


def test_empty_frames_move_it():
    """On the frame with gas 1 to 200 are equal; a leak-free one with noise up to 150 decides."""
    with_gas = np.array([[[200, 0]]], np.uint8), np.array([[[1, 0]]], np.uint8)
    leak_free = np.array([[[150, 0]]], np.uint8), np.array([[[0, 0]]], np.uint8)
    assert choose_threshold([with_gas]) == 128
    assert choose_threshold([with_gas, leak_free]) == 151


def test_it_is_the_maximum_of_the_operational_mean_iou(make_clip):
    clips = [make_clip(4 + 5 * seed, seed=seed, empty_every=3) for seed in range(3)]
    best = choose_threshold(iter(clips))

    def mean_iou(threshold):
        scored = [score_clip(*clip, "operational", threshold)["iou"].to_numpy() for clip in clips]
        return np.concatenate(scored).mean()

    search = ThresholdSearch("operational")
    for clip in clips:
        search.add(*clip)
    for threshold in (0, 40, best, 200, 255):
        assert search.mean_iou[threshold] == pytest.approx(mean_iou(threshold))
    assert mean_iou(best) == pytest.approx(search.mean_iou.max())


def test_the_protocol_s_stretch_holds_and_binary_input_is_searched_softly():
    clip = np.array([[[20, 10, 0]]], np.uint8), np.array([[[1, 0, 0]]], np.uint8)
    assert choose_threshold([clip]) == 20
    assert choose_threshold([clip], PAPER) == 128
    assert choose_threshold([clip], ScoringProtocol(name="own", norm="none", input="binary")) == 20


def column(*frames):
    """A clip whose frames are a row of pixels each: predictions and masks."""
    predictions, masks = zip(*frames, strict=True)
    return np.array(predictions, np.uint8)[:, None], np.array(masks, np.uint8)[:, None]


def test_the_threshold_is_chosen_on_the_validation_clips_alone(reader):
    """Levels 1 to 100 are best on one clip, 1 to 60 on two of three, 151 to 200 on the test."""
    read = reader(
        {
            "validation_0": column(([100, 0], [1, 0])),
            "validation_1": column(([60, 0], [1, 0]), ([60, 0], [1, 0])),
            "test": column(*[([200] + [150] * 9, [1] + [0] * 9)] * 9),
        }
    )
    assert with_threshold(OPERATIONAL, ["validation_0"], read) == OPERATIONAL.at(100)
    assert with_threshold(OPERATIONAL, ["validation_0", "validation_1"], read) == OPERATIONAL.at(60)
    assert "test" not in read.asked
    assert with_threshold(OPERATIONAL, ["test"], read) == OPERATIONAL.at(151)


@pytest.mark.parametrize(
    "protocol", [PAPER, OPERATIONAL.at(0), ScoringProtocol(name="own", threshold=255)]
)
def test_a_threshold_of_its_own_stays_and_nothing_is_read(protocol, reader):
    read = reader({})
    assert with_threshold(protocol, ["validation_0"], read) == protocol
    assert with_threshold(protocol, [], read) == protocol
    assert read.asked == []


@pytest.mark.parametrize(
    ("left_out", "threshold"), [((False, 0), 151), ((True, 0), 100), ((False, 1), 151)]
)
def test_frames_that_are_left_out_do_not_choose(left_out, threshold, reader):
    """IoU at 1..100, ..150, ..200: of the first frame .1, .1, 1; of the second .5, 0, 0.

    The frame before them has no gas and none is found there, so that it says nothing.
    """
    empty = [0] * 10, [0] * 10
    first = [200] + [150] * 9, [1] + [0] * 9
    second = [100] + [0] * 9, [1, 1] + [0] * 8
    protocol = OPERATIONAL.model_copy(
        update={"drop_given": left_out[0], "drop_last_frames": left_out[1], "name": "own"}
    )
    chosen = with_threshold(protocol, ["v"], reader({"v": column(empty, first, second)}))
    assert chosen == protocol.at(threshold)


def test_without_validation_clips_the_threshold_is_a_half(reader):
    assert with_threshold(OPERATIONAL, [], reader({})) == OPERATIONAL.at(128)
    with pytest.raises(UserError, match="no validation clip"):
        choose_threshold([])
