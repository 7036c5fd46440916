"""Results of a model: scores of many clips, their facts, and what is written of them."""

import json

import cv2
import numpy as np
import pandas as pd
import pytest

from fgstp.core.errors import UserError
from fgstp.core.parallel import ParallelSettings
from fgstp.footage.clip_table import CLIP_COLUMNS, VIDEO_COLUMNS, table
from fgstp.footage.sources import list_sources
from fgstp.scoring import OPERATIONAL, PAPER, ScoringProtocol, list_metrics, score_clip, summarise
from fgstp.scoring.clip_scores import ScorableClip
from fgstp.scoring.results import (
    FACTS,
    FOOTAGE,
    FRAME_COLUMNS,
    GROUPS,
    key_scores,
    model_scores,
    score_clips,
    with_facts,
)
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


def test_one_bar_counts_the_clips(clips, capsys, monkeypatch):
    monkeypatch.setattr("fgstp.core.progress.LINE_EVERY_S", 0.0)
    score_clips(list(clips), PROTOCOLS, clips.__getitem__, ALONE)
    shown = capsys.readouterr().err
    assert "scoring: 3 of 3 clips (100 %)" in shown


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


# --------------------------------------------------------------------------------------- facts


VIDEOS = table(
    [
        {"video": "near", "category": "close_clear", "distance_m": 4.5, "background": "clear"},
        {"video": "refused", "error": "refused: no frames"},
        {"video": "far", "category": "long_complex", "distance_m": 18.0, "background": "complex"},
        {"video": "own", "mask_source": "annotated"},
    ],
    VIDEO_COLUMNS,
)
CLIPS = table(
    [
        {"clip": f"{video}_{number}", "video": video, "mask_source": source, "void_fraction": void}
        for video, source, void in (
            *(("far", "annotated", 0.25), ("near", "synthetic", 0.0)),
            ("own", "pseudo", 0.0),
        )
        for number in (0, 1)
    ],
    CLIP_COLUMNS,
)
FACTS_OF = {
    "near": ("near", "close_clear", 4.5, "clear", "synthetic", 0.0),
    "far": ("far", "long_complex", 18.0, "complex", "annotated", 0.25),
}


def rows_of(*frames):
    """Different scores for frames (clip, number)."""
    clips, numbers = zip(*frames, strict=True)
    return pd.DataFrame({"clip": clips, "frame": numbers, "iou": np.arange(len(clips)) / 8})


def test_each_row_gets_the_facts_of_its_clip():
    rows = rows_of(("near_1", 0), ("far_0", 0), ("near_1", 1), ("far_1", 0), ("near_0", 0))
    before = rows.copy()
    found = with_facts(rows, CLIPS, VIDEOS, dict.fromkeys(rows["clip"]), "fgstp")
    assert found.columns.tolist() == ["model", *FACTS, "leak_class", "clip", "frame", "iou"]
    facts = [tuple(row) for row in found[list(FACTS)].itertuples(index=False)]
    assert facts == [FACTS_OF[clip.partition("_")[0]] for clip in rows["clip"]]
    assert set(found["model"]) == {"fgstp"}
    assert found["leak_class"].isna().all()
    pd.testing.assert_frame_equal(found[["clip", "frame", "iou"]], before)
    pd.testing.assert_frame_equal(rows, before)


def test_masks_are_of_the_clip_and_what_is_unknown_is_missing():
    found = with_facts(rows_of(("own_0", 0)), CLIPS, VIDEOS, {"own_0": None}, "fgstp")
    assert found["mask_source"].tolist() == ["pseudo"]  # though the video has annotations
    assert found[["category", "distance_m", "background"]].isna().all(axis=None)


def test_the_leak_class_is_that_of_the_frame_by_its_number():
    """Frame 0 is left out; the rows come by clip and then by protocol."""
    classes = {
        "near_0": np.array([8, -1, 0, 3], np.int8),
        "far_0": None,
        "near_1": np.array([8, 7, 6, 5], np.int8),
    }
    frames = [("near_0", n) for n in (1, 2, 3, 1, 2, 3)]
    frames += [("far_0", n) for n in (1, 2)]
    frames += [("near_1", n) for n in (3, 1, 2)]
    found = with_facts(rows_of(*frames), CLIPS, VIDEOS, classes, "fgstp")["leak_class"]
    assert found.dtype == "Int64"
    assert found.iloc[:6].tolist() == [-1, 0, 3, -1, 0, 3]
    assert found.iloc[6:8].isna().all()
    assert found.iloc[8:].tolist() == [5, 7, 6]


# --------------------------------------------------------------------------- scores of a model


METRICS = [metric.name for metric in list_metrics("all")]
MADE_OF = {"model": "fgstp", "footage_sha256": "34cd", "trainings": [{"number": 1}]}
DETECTION = {"leak_auroc": 0.75, "found_fraction": 1.0, "time_to_detection_s": None}
VIDEO_OF = {"a_0000": "a", "a_0001": "a", "b_0000": "b"}


@pytest.fixture
def scored(make_clip):
    """Frame scores of three clips of two videos, and their summaries."""

    def score(empty_every=2):
        clips = {
            name: make_clip(6, seed=seed, empty_every=empty_every)
            for seed, name in enumerate(VIDEO_OF)
        }
        sources = ("synthetic", "annotated", "synthetic")
        clip_rows = [
            {"clip": clip, "video": video, "mask_source": source}
            for (clip, video), source in zip(VIDEO_OF.items(), sources, strict=True)
        ]
        rows = score_clips(list(clips), [PAPER, OPERATIONAL.at(77)], clips.__getitem__, ALONE)
        frames = with_facts(
            rows,
            table(clip_rows, CLIP_COLUMNS),
            table([{"video": "a"}, {"video": "b"}], VIDEO_COLUMNS),
            dict.fromkeys(clips),
            "fgstp",
        )
        parts = [summarise(frames, by, n_resamples=2) for by in GROUPS]
        summaries = pd.concat(parts, ignore_index=True)
        summaries.insert(0, "model", "fgstp")
        return summaries, frames

    return score


def test_what_it_is_of_stands_in_front(scored):
    summaries, frames = scored()
    groups = summaries["by"] != "all"
    summaries.loc[groups, ["value", "n_frames"]] = 0.5, 1  # groups do not matter
    scores = model_scores(summaries, frames, DETECTION, MADE_OF, "synthetic")
    assert list(scores)[:3] == list(MADE_OF)
    assert {name: scores[name] for name in MADE_OF} == MADE_OF
    assert scores["footage"] == "synthetic plumes"
    assert scores["mask_sources"] == ["annotated", "synthetic"]
    assert (scores["n_videos"], scores["n_clips"], scores["n_frames"]) == (2, 3, 18)
    assert scores["detection"] == DETECTION


def test_without_masks_there_is_what_the_schedule_tells():
    frames = pd.DataFrame(columns=list(FRAME_COLUMNS))
    parts = [summarise(frames, by) for by in GROUPS]
    summaries = pd.concat(parts, ignore_index=True)
    scores = model_scores(summaries, frames, DETECTION, MADE_OF, "folder")
    assert (scores["protocols"], scores["mask_sources"], scores["n_seeds"]) == ({}, [], 1)
    assert (scores["n_videos"], scores["n_clips"], scores["n_frames"]) == (0, 0, 0)
    assert json.loads(json.dumps(scores, allow_nan=False)) == scores
    assert key_scores(scores) == {"leak_AUROC": 0.75, "found": 1.0}
    assert key_scores(scores | {"detection": {}}) == {}
    events = {"events": {"event_recall": 0.51239, "error_curve_area": None}}
    assert key_scores(scores | {"detection": events}) == {"ev_recall": 0.512}


def test_each_protocol_has_its_settings_and_the_metrics_over_all_videos(scored):
    summaries, frames = scored()
    protocols = model_scores(summaries, frames, DETECTION, MADE_OF, "synthetic")["protocols"]
    assert set(protocols) == {"paper", "operational"}
    for protocol in (PAPER, OPERATIONAL.at(77)):
        found = protocols[protocol.name]
        assert {"protocol": protocol.name, **found["settings"]} == protocol.columns
        assert found["threshold"] == protocol.threshold
        of_it = frames[frames["protocol"] == protocol.name]
        by_video = of_it.groupby("video")[[*METRICS, "false_alarm"]].mean().mean()
        for metric, expected in by_video.items():
            assert found[metric] == pytest.approx(expected, abs=5e-7), metric
        assert {"average_precision", "auroc", "false_alarm_fraction"} <= set(found)


def test_a_file_can_keep_it_and_what_is_undefined_is_null(scored):
    summaries, frames = scored(empty_every=0)  # gas in every frame
    scores = model_scores(summaries, frames, DETECTION, MADE_OF, "synthetic")
    assert json.loads(json.dumps(scores, allow_nan=False)) == scores
    paper = scores["protocols"]["paper"]
    undefined = {name for name, value in paper.items() if value is None}
    assert undefined == {"false_alarm", "false_alarm_fraction", "average_precision", "auroc"}


def test_values_are_rounded_so_that_another_machine_gives_the_same_file(scored):
    summaries, frames = scored()
    values = [0.12345649, 0.1234565001, 1.0, 0.0, np.nan, 1e-9]
    is_paper = (summaries["by"] == "all") & (summaries["protocol"] == "paper")
    places = summaries.index[is_paper][: len(values)]
    summaries.loc[places, "value"] = values
    found = model_scores(summaries, frames, DETECTION, MADE_OF, "synthetic")["protocols"]["paper"]
    names = summaries.loc[places, "metric"]
    assert [found[name] for name in names] == [0.123456, 0.123457, 1.0, 0.0, None, 0.0]


def test_the_share_of_degenerate_frames_is_of_each_protocol(scored):
    """Of 18 frames three are found empty and two full, under operational alone."""
    summaries, frames = scored()
    frames["predicted_fraction"] = 0.5
    operational = frames.index[frames["protocol"] == "operational"]
    frames.loc[operational[:3], "predicted_fraction"] = 0.0
    frames.loc[operational[-2:], "predicted_fraction"] = 1.0
    protocols = model_scores(summaries, frames, DETECTION, MADE_OF, "synthetic")["protocols"]
    assert protocols["operational"]["degenerate_fraction"] == pytest.approx(5 / 18, abs=1e-6)
    assert protocols["paper"]["degenerate_fraction"] == 0.0


def test_several_trainings_have_means_spreads_and_thresholds(scored):
    _, frames = scored()
    other = frames.assign(seed=2, mae=frames["mae"] + 0.1)
    operational = other["protocol"] == "operational"
    other.loc[operational, "threshold"] = 90
    several = pd.concat([frames.assign(seed=1), other], ignore_index=True)
    summaries = summarise(several, n_resamples=2).assign(model="fgstp")
    trainings = {"trainings": [{"number": 1}, {"number": 2}]}
    scores = model_scores(summaries, several, DETECTION, MADE_OF | trainings, "synthetic")
    one = model_scores(*scored(), DETECTION, MADE_OF, "synthetic")
    assert (scores["n_seeds"], scores["n_frames"]) == (2, 18)
    for name, threshold, thresholds in (("paper", 128, [128, 128]), ("operational", 77, [77, 90])):
        found, single = scores["protocols"][name], one["protocols"][name]
        assert found["mae"] == pytest.approx(single["mae"] + 0.05, abs=2e-6)
        assert found["spread"]["mae"] == pytest.approx(0.1 / np.sqrt(2), abs=2e-6)
        assert found["spread"]["iou"] == 0.0
        assert set(found["spread"]) == set(METRICS) | set(single) - {
            "settings",
            "threshold",
            "degenerate_fraction",
        }
        assert (found["threshold"], found["thresholds"]) == (threshold, thresholds)
        assert set(found) - set(single) == {"spread", "thresholds"}
    assert one["n_seeds"] == 1
    assert json.loads(json.dumps(scores, allow_nan=False)) == scores


def test_every_source_of_ingest_has_a_name_for_people(scored):
    assert set(FOOTAGE) == set(list_sources())
    assert model_scores(*scored(), DETECTION, MADE_OF, "folder")["footage"] == "own footage"
    assert model_scores(*scored(), DETECTION, MADE_OF, "archive")["footage"] == "archive"
    both = model_scores(*scored(), DETECTION, MADE_OF, "synthetic+archive")["footage"]
    assert both == "synthetic plumes, archive"
