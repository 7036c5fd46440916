"""Footage without masks, from its files to its report, by a checkpoint that is given."""

import json

import numpy as np
import pandas as pd
import pytest

from fgstp.models.checkpoint import save_checkpoint
from fgstp.models.registry import create_model

pytestmark = pytest.mark.slow

LENGTH, FPS_HZ = 15, 15.0
SMALL = {"height_px": 48, "width_px": 64, "encoder": {"name": "pvt_v2_b0"}}


@pytest.fixture
def bare(tmp_path, footage):
    """Two videos of six seconds, of which one has a leak schedule, and a checkpoint."""
    root = tmp_path / "data/01_raw/footage"
    for seed, video in enumerate(("a", "b")):
        footage.video(root / f"{video}.mkv", footage.frames([5] * 6, seed, LENGTH), fps=FPS_HZ)
    table = "video,split,leak0_start_s,leak1_start_s\na,test,1,3\nb,test,,\n"
    (root / "videos.csv").write_text(table)
    model = create_model("fgstp", SMALL)
    model.frame_threshold = 0.25
    save_checkpoint(model, tmp_path / "given.ckpt")
    return tmp_path


@pytest.fixture
def run(kedro, bare):
    settings = ["ingest.source=folder", f"ingest.clip_length_frames={LENGTH}"]

    def of_pipelines(names, *parameters):
        return kedro.run(bare, f"--pipelines={names}", parameters=[*settings, *parameters])

    return of_pipelines


def test_it_is_predicted_and_scored_by_its_schedule(run, bare):
    answer = run("ingest,evaluate,report", f"evaluate.checkpoint={bare / 'given.ckpt'}")
    assert answer.returncode == 0, answer.stderr
    reporting = bare / "data/08_reporting"
    rows = pd.read_parquet(reporting / "timelines/fgstp.parquet")
    # No clip is dropped, though all are alike.
    assert rows.groupby("video").size().to_dict() == {"a": 6 * LENGTH, "b": 6 * LENGTH}
    assert set(rows["threshold"]) == {0.25}
    own = rows[rows["video"] == "a"]
    classes = np.repeat([-1, 0, 1], [15, 30, 45])
    assert own["leak_class"].tolist() == classes.tolist()
    assert rows.loc[rows["video"] == "b", "leak_class"].isna().all()
    scores = json.loads((reporting / "metrics/fgstp.json").read_text())
    assert (scores["protocols"], scores["checkpoint"]) == ({}, str(bare / "given.ckpt"))
    found = own["score"] >= 0.25
    assert scores["detection"]["false_alarm_fraction"] == found[classes <= 0].mean().round(6)
    assert scores["detection"]["leak_free_hours"] == pytest.approx(3 / 3600, abs=1e-6)
    assert scores["detection"]["n_bare_clips"] == 6
    table = pd.read_csv(reporting / "tables/detection.csv").set_index("metric")["value"]
    assert table["leak_auroc"] == scores["detection"]["leak_auroc"]
    page = (reporting / "report.html").read_text()
    for words in ("none of the 12 test clips has masks", "On own footage, without masks"):
        assert words in page
    small = json.loads((reporting / "dvc/fgstp.json").read_text())
    of_events = {"ev_recall", "ev_delay_s", "ev_FA_h", "ev_area"}
    assert set(small) <= {"leak_AUROC", "found", "delay_s", "FA_per_h"} | of_events
    events = scores["detection"]["events"]
    assert (events["n_leaks"], events["n_videos"]) == (1, 1)  # of b nothing is known
    assert set(pd.read_parquet(reporting / "events/fgstp.parquet")["video"]) <= {"a", "b"}
    assert (reporting / "figures/detection_errors.png").exists()
    assert "Events</h2>" in page


@pytest.mark.parametrize("names", ["ingest,train,evaluate,report", "ingest,evaluate,report"])
def test_what_it_lacks_is_told_in_one_sentence_before_anything_is_ingested(run, bare, names):
    answer = run(names)
    assert answer.returncode == 1
    [line] = answer.stderr.splitlines()
    assert line.startswith("Error: ")
    assert line.count("evaluate.checkpoint=FILE") == 1
    computed = ("ingest.pseudo_masks.enabled=true", "train.allow_pseudo_masks=true")
    assert all((switch in line) == ("train" in names) for switch in computed)
    assert not list((bare / "data").rglob("*.npy"))
