"""Footage that is annotated every fifth frame, from its files to its scores."""

import numpy as np
import pandas as pd
import pytest
import torch

from fgstp.footage.settings import ValidationSettings
from fgstp.footage.validation import hold_out
from fgstp.models.registry import ModelsSettings
from fgstp.pipelines.evaluate.nodes import predict, score
from fgstp.pipelines.train.nodes import train_model
from fgstp.reporting.ingest_summary import summarise
from fgstp.scoring.settings import EvaluateSettings
from fgstp.training.settings import TrainSettings

LENGTH, STEP = 30, 5
MODELS = {"fgstp": {"height_px": 32, "width_px": 32, "encoder": {"name": "pvt_v2_b0"}}}
TRAIN = {
    "epochs": 1,
    "targets_per_step": 2,
    "window_targets": 2,
    "accelerator": "cpu",
    "workers": 0,
}
EVALUATE = {"accelerator": "cpu", "parallel": {"backend": "sequential"}}


@pytest.fixture
def raw(tmp_path, footage):
    root = tmp_path / "raw/footage"
    for seed, (video, places) in enumerate({"a": [5, 40, 20, 30, 10], "b": [20, 45]}.items()):
        frames = footage.frames(places, seed=seed, length=LENGTH, left_over=2)
        footage.video(root / f"{video}.mkv", frames)
        masks = footage.pictures(root / f"{video}_masks", 255 * footage.masks(len(frames)))
        for path in masks.iterdir():
            if int(path.stem) % STEP:
                path.unlink()
    footage.table(root, a="train", b="test")
    return tmp_path / "raw"


def test_it_trains_and_is_scored(raw, footage, ingest, tmp_path, caplog):
    ingested = ingest(raw, tmp_path, clip_length_frames=LENGTH)
    clips = hold_out(ingested.clips, ValidationSettings(), seed=1)
    assert clips["annotated_frames"].tolist() == [LENGTH // STEP] * 7
    kept = clips["dropped"].isna().sum()
    page = summarise(ingested.videos, clips)
    assert f"{kept * LENGTH // STEP} of the {kept * LENGTH} frames of the kept clips are" in page

    torch.set_num_threads(1)
    places = (clips, ingested.store, tmp_path / "models")
    models = ModelsSettings.model_validate(MODELS)
    with caplog.at_level("INFO", logger="fgstp"):
        training = train_model(*places, "fgstp", models, TrainSettings(**TRAIN), 1)
    assert "have no mask: they are no targets" in caplog.text
    assert np.isfinite(training["epochs"][0]["train_loss"])

    evaluate = EvaluateSettings.model_validate(EVALUATE)
    predicted = predict(training, *places, tmp_path / "maps", "fgstp", evaluate, 1)
    videos = ingested.videos.assign(source="folder")
    rows = score(predicted, clips, videos, ingested.store, tmp_path / "maps", "fgstp", evaluate)
    maps = np.load(tmp_path / "maps/fgstp/seed_1/b_0001.npy")
    assert len(maps) == LENGTH
    own = rows[(rows["clip"] == "b_0001") & (rows["protocol"] == "operational")]
    # All annotated frames have gas, and the first with gas is not scored.
    assert own["frame"].tolist() == [5, 10, 15, 20, 25]
    masks = footage.masks(2 * LENGTH)[LENGTH:]
    by_hand = [np.abs(maps[n] / 255 - masks[n]).mean() for n in own["frame"]]
    np.testing.assert_allclose(own["mae"], by_hand, atol=1e-9)
    assert pd.unique(rows["clip"]).tolist() == ["b_0000", "b_0001"]
