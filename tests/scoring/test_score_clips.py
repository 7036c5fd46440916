import cv2
import numpy as np
import pandas as pd
import pytest

from fgstp.core.errors import UserError
from fgstp.core.parallel import ParallelSettings
from fgstp.scoring import OPERATIONAL, PAPER, ScoringProtocol, score_clip
from fgstp.scoring.clip_scores import ScorableClip
from fgstp.scoring.results import score_clips
from fgstp.scoring.thresholds import with_threshold

ALONE = ParallelSettings(backend="sequential")
PROTOCOLS = [
    OPERATIONAL.at(90),
    PAPER,
    ScoringProtocol(name="later", drop_given=True, empty="skip"),
]


class Read:
    """Reads clips from a dict and notes which."""

    def __init__(self, clips):
        self.clips = clips
        self.asked = []

    def __call__(self, clip):
        self.asked.append(clip)
        return self.clips[clip]


@pytest.fixture
def clips(make_clip):
    """Clips of several lengths, by name; the names are in no order."""
    lengths = {"b_0001": 4, "a_0000": 6, "b_0000": 3}
    return {name: make_clip(length, seed=length, empty_every=2) for name, length in lengths.items()}


def column(*frames):
    """A clip whose frames are a row of pixels each: predictions and masks."""
    predictions, masks = zip(*frames, strict=True)
    return np.array(predictions, np.uint8)[:, None], np.array(masks, np.uint8)[:, None]


def test_each_clip_is_scored_as_if_it_were_alone(clips):
    read = Read(clips)
    rows = score_clips(list(clips), PROTOCOLS, read, ALONE)
    expected = [
        score_clip(*clips[clip], protocol).assign(clip=clip)
        for clip in clips
        for protocol in PROTOCOLS
    ]
    whole = pd.concat(expected, ignore_index=True)
    assert len(rows) == (4 + 6 + 3) * 2 + (3 + 5 + 2)
    assert rows.columns[0] == "clip"
    pd.testing.assert_frame_equal(rows, whole[rows.columns], check_exact=True)
    assert read.asked == list(clips)  # once, though the protocols are several


def test_numbers_and_frame_scores_of_a_clip_are_taken_over(clips):
    own = {"numbers": np.array([2, 7, 8]), "frame_scores": np.array([0, 1, 0.5], np.float32)}
    read = Read({"b_0000": ScorableClip(*clips["b_0000"], **own)})
    rows = score_clips(["b_0000"], PROTOCOLS[:2], read, ALONE)
    assert rows["frame"].tolist() == [2, 7, 8] * 2
    assert rows["frame_score"].tolist() == [0, 1, 0.5] * 2
    assert with_threshold(OPERATIONAL, ["b_0000"], read) == with_threshold(
        OPERATIONAL, ["b_0000"], Read(clips)
    )


def test_processes_give_the_same_rows_as_none(clips):
    read = clips.__getitem__  # a test module cannot be imported by other processes
    alone, together = (
        score_clips(list(clips), PROTOCOLS, read, parallel)
        for parallel in (ALONE, ParallelSettings(backend="loky", jobs=2))
    )
    pd.testing.assert_frame_equal(alone, together, check_exact=True)


def test_only_the_clips_asked_for_are_read(clips):
    read = Read(clips)
    rows = score_clips(["a_0000"], [PAPER], read, ALONE)
    assert set(rows["clip"]) == set(read.asked) == {"a_0000"}


def test_one_bar_counts_the_clips(clips, capsys):
    score_clips(list(clips), PROTOCOLS, clips.__getitem__, ALONE)
    shown = capsys.readouterr().err
    assert "scoring: 100%" in shown
    assert "3/3" in shown


@pytest.mark.parametrize("fails", [False, True])
def test_opencv_has_one_thread_meanwhile_and_then_as_many_as_before(clips, fails):
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    seen = []

    def read(clip):
        seen.append(cv2.getNumThreads())
        predictions, masks = clips[clip]
        return predictions, masks[: -1 if fails else None]

    try:
        if fails:
            with pytest.raises(UserError, match="but the masks are"):
                score_clips(list(clips), [PAPER], read, ALONE)
        else:
            score_clips(list(clips), [PAPER], read, ALONE)
        assert set(seen) == {1}
        assert cv2.getNumThreads() == 2
    finally:
        cv2.setNumThreads(before)


@pytest.mark.parametrize("protocol", [PAPER, ScoringProtocol(name="own", drop_last_frames=9)])
def test_a_clip_that_cannot_be_scored_is_named(clips, protocol):
    if protocol is PAPER:
        clips["a_0000"] = clips["a_0000"][0], clips["a_0000"][1][1:]
    with pytest.raises(UserError, match="a_0000"):
        score_clips(["a_0000"], [protocol], clips.__getitem__, ALONE)


def test_a_threshold_that_is_missing_is_told(clips):
    with pytest.raises(UserError, match="takes its threshold from validation clips"):
        score_clips(list(clips), [OPERATIONAL], clips.__getitem__, ALONE)


# ----------------------------------------------------------------------- threshold


def test_the_threshold_is_chosen_on_the_validation_clips_alone():
    """Levels 1 to 100 are best on one clip, 1 to 60 on two of three, 151 to 200 on the test."""
    read = Read(
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
def test_a_threshold_of_its_own_stays_and_nothing_is_read(protocol):
    read = Read({})
    assert with_threshold(protocol, ["validation_0"], read) == protocol
    assert with_threshold(protocol, [], read) == protocol
    assert read.asked == []


@pytest.mark.parametrize(
    ("left_out", "threshold"), [((False, 0), 151), ((True, 0), 100), ((False, 1), 151)]
)
def test_frames_that_are_left_out_do_not_choose(left_out, threshold):
    """IoU at 1..100, ..150, ..200: of the first frame .1, .1, 1; of the second .5, 0, 0.

    The frame before them has no gas and none is found there, so that it says nothing.
    """
    empty = [0] * 10, [0] * 10
    first = [200] + [150] * 9, [1] + [0] * 9
    second = [100] + [0] * 9, [1, 1] + [0] * 8
    protocol = OPERATIONAL.model_copy(
        update={"drop_given": left_out[0], "drop_last_frames": left_out[1], "name": "own"}
    )
    chosen = with_threshold(protocol, ["v"], Read({"v": column(empty, first, second)}))
    assert chosen == protocol.at(threshold)


def test_without_validation_clips_there_is_no_threshold():
    with pytest.raises(UserError, match="no validation clip"):
        with_threshold(OPERATIONAL, [], Read({}))
