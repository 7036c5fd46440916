"""Footage that is annotated every fifth frame, from its files to its scores."""

import numpy as np
import pandas as pd
import pytest

LENGTH, STEP = 30, 5


@pytest.fixture
def annotated_sparsely(tmp_path, footage):
    root = tmp_path / "data/01_raw/footage"
    for seed, (video, places) in enumerate({"a": [5, 40, 20, 30, 10], "b": [20, 45]}.items()):
        frames = footage.frames(places, seed=seed, length=LENGTH, left_over=2)
        footage.video(root / f"{video}.mkv", frames)
        masks = footage.pictures(root / f"{video}_masks", 255 * footage.masks(len(frames)))
        for path in masks.iterdir():
            if int(path.stem) % STEP:
                path.unlink()
    footage.table(root, a="train", b="test")
    return tmp_path


@pytest.mark.slow
def test_it_trains_and_is_scored(kedro, annotated_sparsely):
    parameters = ["ingest.source=folder", f"ingest.clip_length_frames={LENGTH}"]
    answer = kedro.run(
        annotated_sparsely,
        "--pipelines=ingest,features,train,evaluate",
        parameters=[*parameters, "ingest.duplicates.threshold=1.01"],
    )
    assert answer.returncode == 0, answer.stderr
    data = annotated_sparsely / "data"
    clips = pd.read_csv(data / "03_primary/clips.csv")
    assert clips["annotated_frames"].tolist() == [LENGTH // STEP] * 7
    kept = clips["dropped"].isna().sum()
    page = (data / "08_reporting/ingest.md").read_text()
    assert f"{kept * LENGTH // STEP} of the {kept * LENGTH} frames of the kept clips are" in page
    assert "frames of these clips have no mask: they are no targets" in answer.stdout
    rows = pd.read_parquet(data / "08_reporting/frames/fgstp.parquet")
    for _, frames in rows.groupby(["clip", "protocol"])["frame"]:
        # All annotated frames have gas, and the first with gas is not scored.
        assert frames.tolist() == list(range(STEP, LENGTH, STEP))
    assert rows["clip"].unique().tolist() == ["b_0000", "b_0001"]
    assert np.isfinite(rows["iou"]).all()
