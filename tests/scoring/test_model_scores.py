import json

import numpy as np
import pandas as pd
import pytest

from fgstp.core.parallel import ParallelSettings
from fgstp.footage.clip_table import CLIP_COLUMNS, VIDEO_COLUMNS, table
from fgstp.footage.sources import list_sources
from fgstp.scoring import OPERATIONAL, PAPER, list_metrics, summarise
from fgstp.scoring.results import FOOTAGE, GROUPS, model_scores, score_clips, with_facts

METRICS = [metric.name for metric in list_metrics("all")]
MADE_OF = {"model": "fgstp", "checkpoint_sha256": "12ab", "footage_sha256": "34cd"}
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
        parallel = ParallelSettings(backend="sequential")
        rows = score_clips(list(clips), [PAPER, OPERATIONAL.at(77)], clips.__getitem__, parallel)
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
    scores = model_scores(summaries, frames, MADE_OF, "synthetic")
    assert list(scores)[:3] == list(MADE_OF)
    assert {name: scores[name] for name in MADE_OF} == MADE_OF
    assert scores["footage"] == "synthetic plumes"
    assert scores["mask_sources"] == ["annotated", "synthetic"]
    assert (scores["n_videos"], scores["n_clips"], scores["n_frames"]) == (2, 3, 18)


def test_each_protocol_has_its_settings_and_the_metrics_over_all_videos(scored):
    summaries, frames = scored()
    protocols = model_scores(summaries, frames, MADE_OF, "synthetic")["protocols"]
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
    scores = model_scores(summaries, frames, MADE_OF, "synthetic")
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
    found = model_scores(summaries, frames, MADE_OF, "synthetic")["protocols"]["paper"]
    names = summaries.loc[places, "metric"]
    assert [found[name] for name in names] == [0.123456, 0.123457, 1.0, 0.0, None, 0.0]


def test_the_share_of_degenerate_frames_is_of_each_protocol(scored):
    """Of 18 frames three are found empty and two full, under operational alone."""
    summaries, frames = scored()
    frames["predicted_fraction"] = 0.5
    operational = frames.index[frames["protocol"] == "operational"]
    frames.loc[operational[:3], "predicted_fraction"] = 0.0
    frames.loc[operational[-2:], "predicted_fraction"] = 1.0
    protocols = model_scores(summaries, frames, MADE_OF, "synthetic")["protocols"]
    assert protocols["operational"]["degenerate_fraction"] == pytest.approx(5 / 18, abs=1e-6)
    assert protocols["paper"]["degenerate_fraction"] == 0.0


def test_several_trainings_have_means_spreads_and_thresholds(scored):
    _, frames = scored()
    other = frames.assign(seed=2, mae=frames["mae"] + 0.1)
    operational = other["protocol"] == "operational"
    other.loc[operational, "threshold"] = 90
    several = pd.concat([frames.assign(seed=1), other], ignore_index=True)
    summaries = summarise(several, n_resamples=2).assign(model="fgstp")
    scores = model_scores(summaries, several, MADE_OF, "synthetic")
    one = model_scores(*scored(), MADE_OF, "synthetic")
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
        # Of one training nothing is told beside.
        assert set(found) - set(single) == {"spread", "thresholds"}
    assert one["n_seeds"] == 1
    assert json.loads(json.dumps(scores, allow_nan=False)) == scores


def test_every_source_of_ingest_has_a_name_for_people(scored):
    assert set(FOOTAGE) == set(list_sources())
    assert model_scores(*scored(), MADE_OF, "folder")["footage"] == "own footage"
    assert model_scores(*scored(), MADE_OF, "archive")["footage"] == "archive"
