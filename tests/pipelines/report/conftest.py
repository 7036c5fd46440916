"""A project whose models have been evaluated."""

import copy
import json
import shutil
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from fgstp.footage.clip_table import VIDEO_COLUMNS, digest, kept_clips, table
from fgstp.footage.video_store import VideoStore
from fgstp.inference.prediction_store import PredictionStore
from fgstp.inference.trainings import Training
from fgstp.models.session import Prediction
from fgstp.models.training_records import seed_folder, write_record
from fgstp.pipelines.evaluate.nodes import score, summarise_scores
from fgstp.pipelines.evaluate.tracing import trace_frames
from fgstp.pipelines.report.nodes import (
    compare_models,
    draw_charts,
    draw_figures,
    gather_results,
    write_page,
)
from fgstp.reporting.costs import COLUMNS
from fgstp.scoring.protocols import EvaluateSettings

SHAPE = (4, 24, 32)
EVALUATE = EvaluateSettings.model_validate(
    {
        "accelerator": "cpu",
        "allow_pseudo_masks": True,
        "n_resamples": 20,
        "parallel": {"backend": "sequential"},
    }
)
GOOD, BAD = "fgstp", "background"  # models that find all gas, and the upper half of it
TWO = {GOOD: 16, BAD: 11}  # by model: the row to which it finds the gas, which ends at row 16
MANY = TWO | {
    name: 7 + number
    for number, name in enumerate(
        ("mg", "sinet_v2", "xmem_pp", "rmem", "zoomnext", "slt_net", "fgstp_no_fsp", "wisp")
    )
}


class Project:
    """Clips, and predictions of models with their scores: all inputs of the nodes."""

    def __init__(self, clips, folder, models=TWO):
        self.folder, self.store = clips, clips.store
        self.facts = {}  # further ones of predictions
        self.predictions = folder / "predictions"
        names = {"v_0000": "validation", "t_0000": "test", "u_0000": "test"}
        for number, (name, split) in enumerate(names.items()):
            frames = np.random.default_rng(number).integers(0, 256, SHAPE).astype(np.uint8)
            masks = np.zeros_like(frames)
            masks[1::2, 6:16, 8:20] = 1
            row = {"video": name[0], "split": split}
            clips.add(name, frames, masks, **row)
            for model, end in models.items():
                maps = np.zeros_like(frames)
                maps[:, 6:end] = 200 * masks[:, 6:end]
                store = PredictionStore(self.predictions / model / "seed_1")
                with store.writing(name[0], {}) as append:
                    for frame, levels in enumerate(maps):
                        found = (levels / 255).astype(np.float32)
                        append(Prediction(frame, 0.0, found, float(found.max())))
        self.clips = clips.table
        categories = {"v": "close_clear", "t": "close_clear", "u": "long_complex"}
        videos = [
            {"video": video, "category": name, "source": "gasvid", "fps_hz": 15.0}
            for video, name in categories.items()
        ]
        self.videos = table(videos, VIDEO_COLUMNS)
        self.costs = pd.DataFrame(columns=COLUMNS)
        self.scores, self.summaries, self.timelines, self.events = {}, {}, {}, {}
        self.frames = {}
        epochs = [
            {"epoch": epoch, "learning_rate": 1e-4, "train_loss": 1 / epoch, "val_miou": 0.1}
            for epoch in (1, 2)
        ]
        facts = {"parameters": 3, "epoch": 2, "scores": {"val_miou": 0.1}, "n_epochs": 2}
        trained = {"trained": True, "epochs": epochs, "ended_by": "epochs"} | facts
        self.trainings = {model: {"model": model} | trained for model in models}
        self.trainings[BAD] = {"model": BAD, "trained": False, "parameters": 0, "epochs": []}
        self.models = folder / "models"
        for model in self.trainings:
            self.train(model)
            self.evaluate(model)

    def train(self, model, number=1, sha256=None, **facts):
        record = self.trainings[model] | {"checkpoint_sha256": sha256 or f"of {model}"} | facts
        write_record(seed_folder(self.models / model, number), record)

    def evaluate(self, model):
        """Scores and summaries as the pipeline evaluate makes them."""
        test = kept_clips(self.clips, self.store, "test")
        training = Training(1, None, f"of {model}", diverged=False)
        facts = {"model": model, "trainings": [asdict(training)], "prompt": "none"}
        facts |= {"footage_sha256": digest(test), "n_test_clips": len(test), **self.facts}
        facts["n_validation_clips"] = 1
        (self.predictions / model / "predicted.json").write_text(json.dumps(facts))
        footage = self.predictions, self.clips, self.videos, self.store
        traced = trace_frames(*footage, model, EVALUATE, 1)
        self.events[model], self.timelines[model], detection = traced
        self.frames[model] = score(*footage, model, EVALUATE)
        found = self.frames, detection, self.predictions, self.videos
        self.scores[model], self.summaries[model], _ = summarise_scores(*found, model, EVALUATE, 1)

    def compare(self):
        return compare_models(self.scores, self.summaries, self.timelines, self.costs)

    def results(self):
        footage = self.clips, self.videos, self.store, self.predictions
        traced = self.frames, self.timelines, self.events
        return gather_results(self.compare()[0], self.models, *footage, *traced)

    def charts(self):
        found = draw_charts(self.results())
        return {chart.name: chart for each in found.values() for chart in each}

    def draw(self):
        results = self.results()
        return draw_figures(results, draw_charts(results))

    def page(self):
        results = self.results()
        return write_page(results, draw_charts(results), {"seed": 1})[0]


@pytest.fixture(scope="module")
def made(tmp_path_factory, clip_folder):
    folder = tmp_path_factory.mktemp("project")
    return Project(clip_folder(folder / "videos"), folder)


@pytest.fixture(scope="session")
def many(tmp_path_factory, clip_folder):
    """More models than there are colours."""
    folder = tmp_path_factory.mktemp("many")
    return Project(clip_folder(folder / "videos"), folder, MANY)


@pytest.fixture
def project(made, tmp_path):
    """A copy that a test may change."""
    shutil.copytree(made.predictions.parent, tmp_path, dirs_exist_ok=True)
    copied = copy.deepcopy(made)
    copied.store = copied.folder.store = VideoStore(tmp_path / "videos")
    copied.predictions, copied.models = tmp_path / "predictions", tmp_path / "models"
    return copied
