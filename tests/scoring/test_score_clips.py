"""Scores of many clips."""

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


@pytest.fixture
def clips(make_clip):
    """Clips of several lengths, by name; the names are in no order."""
    lengths = {"b_0001": 4, "a_0000": 6, "b_0000": 3}
    return {name: make_clip(length, seed=length, empty_every=2) for name, length in lengths.items()}


def test_each_clip_is_scored_as_if_it_were_alone(clips, reader):
    read = reader(clips)
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


def test_numbers_and_frame_scores_of_a_clip_are_taken_over(clips, reader):
    own = {"numbers": np.array([2, 7, 8]), "frame_scores": np.array([0, 1, 0.5], np.float32)}
    read = reader({"b_0000": ScorableClip(*clips["b_0000"], **own)})
    rows = score_clips(["b_0000"], PROTOCOLS[:2], read, ALONE)
    assert rows["frame"].tolist() == [2, 7, 8] * 2
    assert rows["frame_score"].tolist() == [0, 1, 0.5] * 2
    assert with_threshold(OPERATIONAL, ["b_0000"], read) == with_threshold(
        OPERATIONAL, ["b_0000"], reader(clips)
    )


def test_processes_give_the_same_rows_as_none(clips):
    read = clips.__getitem__  # a test module cannot be imported by other processes
    alone, together = (
        score_clips(list(clips), PROTOCOLS, read, parallel)
        for parallel in (ALONE, ParallelSettings(backend="loky", jobs=2))
    )
    pd.testing.assert_frame_equal(alone, together, check_exact=True)


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
