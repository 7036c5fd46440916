"""The node of train: what it writes, and mistakes."""

import hashlib
import json

import numpy as np
import pytest
import torch

from fgstp.core.errors import UserError
from fgstp.models.checkpoint import load_model, read_checkpoint
from fgstp.models.registry import ModelsSettings, create_model
from fgstp.models.training_records import read_records
from fgstp.pipelines.train.nodes import train_model
from fgstp.training.settings import TrainSettings

SMALL = {"height_px": 32, "width_px": 32, "encoder": {"name": "pvt_v2_b0"}}
MODELS = ModelsSettings.model_validate({"fgstp": SMALL, "fgstp_no_ctc": SMALL | {"ctc": False}})
QUICK = {"epochs": 1, "steps_per_epoch": 1, "targets_per_step": 2, "window_targets": 2}
QUICK |= {"validation_frames": 3, "accelerator": "cpu"}
pytestmark = pytest.mark.usefixtures("one_thread")


class Project:
    """Clips and the folder of models; all that the node gets."""

    def __init__(self, clips, models):
        self.clips, self.models = clips, models

    def add(self, name, split="train", mask_source="annotated", dropped=None):
        """A noisy clip with a bright blob, which is gas, in all frames but the first."""
        rng = np.random.default_rng(len(self.clips.rows))
        frames = rng.integers(40, 120, (6, 24, 32)).astype(np.uint8)
        masks = np.zeros_like(frames)
        masks[1:, 6:16, 8:20] = 1
        kept = None if mask_source == "none" else masks
        row = {"split": split, "mask_source": mask_source, "dropped": dropped}
        self.clips.add(name, frames + 100 * masks, kept, gas_fraction=0.1, **row)

    def train(self, model="fgstp", seed=1, models=MODELS, **changes):
        settings = TrainSettings.model_validate(QUICK | changes)
        clips = self.clips
        features = self.models.with_name("features")
        work = train_model(clips.table, clips.store, features, model, models, settings, seed)
        work(self.models)
        return read_records(self.models / model)[settings.seed_index or 1]

    def sentence(self, **changes):
        """The message when it fails; nothing may be written then."""
        with pytest.raises(UserError) as caught:
            self.train(**changes)
        assert not [path for path in self.models.rglob("*") if path.is_file()]
        assert "\n" not in str(caught.value)
        return str(caught.value)


@pytest.fixture
def empty(clips, tmp_path):
    return Project(clips, tmp_path / "models")


@pytest.fixture
def project(empty):
    empty.add("a")
    empty.add("b")
    empty.add("c", split="validation")
    return empty


# ---------------------------------------------------------------------------- training


def test_checkpoint_and_record_match(project):
    facts = project.train(epochs=2)
    assert json.loads(json.dumps(facts)) == facts  # it becomes a JSON file
    assert (facts["model"], facts["trained"], facts["ended_by"]) == ("fgstp", True, "epochs")
    assert (facts["seed"], facts["n_epochs"]) == (1, 2)
    assert [row["epoch"] for row in facts["epochs"]] == [1, 2]
    assert all(np.isfinite(row["train_loss"]) for row in facts["epochs"])
    best = facts["epochs"][facts["epoch"] - 1]
    assert facts["scores"] == {name: best[name] for name in best if name.startswith("val_")}
    assert best["val_miou"] == max(row["val_miou"] for row in facts["epochs"])
    assert (facts["monitor"], facts["mask_sources"]) == ("val_miou", ["annotated"])

    folder = project.models / "fgstp/seed_1"
    assert json.loads((folder / "training.json").read_text()) == facts
    checkpoint = read_checkpoint(folder / "best.ckpt")
    assert checkpoint.settings == MODELS.of("fgstp").model_dump(mode="json")
    assert checkpoint.facts["epoch"] == facts["epoch"]
    network = create_model("fgstp", MODELS.of("fgstp")).network
    assert facts["parameters"] == sum(weights.numel() for weights in network.parameters())
    digest = hashlib.sha256((folder / "best.ckpt").read_bytes()).hexdigest()
    assert facts["checkpoint_sha256"] == digest


def test_what_chose_the_checkpoint_and_the_masks_of_all_training_clips_are_noted(project):
    project.add("d", mask_source="pseudo")
    project.add("e", mask_source="synthetic", dropped="duplicate")
    project.add("f", mask_source="synthetic", split="validation")
    facts = project.train(allow_pseudo_masks=True, monitor="val_iou", epochs=2)
    assert facts["mask_sources"] == ["annotated", "pseudo"]
    best = facts["epochs"][facts["epoch"] - 1]
    assert best["val_iou"] == max(row["val_iou"] for row in facts["epochs"])


def test_each_model_has_a_folder_and_its_own_settings(project):
    project.train()
    before = (project.models / "fgstp/seed_1/best.ckpt").read_bytes()
    assert project.train("fgstp_no_ctc")["model"] == "fgstp_no_ctc"
    assert (project.models / "fgstp/seed_1/best.ckpt").read_bytes() == before
    model = load_model(project.models / "fgstp_no_ctc/seed_1/best.ckpt", model="fgstp_no_ctc")
    assert model.settings == MODELS.of("fgstp_no_ctc")


def test_a_model_without_training_needs_no_clips(empty, caplog):
    models = ModelsSettings.model_validate({"background": {"variance_threshold": 9.0}})
    with caplog.at_level("INFO", logger="fgstp"):
        facts = empty.train("background", models=models, seeds=2)
    assert (facts["model"], facts["trained"], facts["epochs"]) == ("background", False, [])
    assert facts["parameters"] == 0
    assert "background needs no training." in caplog.text
    assert [path.name for path in (empty.models / "background").iterdir()] == ["seed_1"]
    loaded = load_model(empty.models / "background/seed_1/best.ckpt", model="background")
    assert loaded.settings.variance_threshold == 9.0


# ---------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("rows", "facts"),
    [
        ([], ["There are no clips"]),
        ([{"dropped": "duplicate"}], ["There are no clips"]),
        ([{"split": "validation"}], ["split train", "give some videos"]),
        ([{}], ["split validation", "raise ingest.validation.fraction"]),
        ([{"mask_source": "none"}], ["No clip of the split train has masks"]),
        ([{"mask_source": "pseudo"}], ["1 of the 1 clips", "set train.allow_pseudo_masks"]),
    ],
)
def test_clips_that_cannot_be_trained_on(empty, rows, facts):
    for number, row in enumerate(rows):
        empty.add(f"clip_{number}", **row)
    sentence = empty.sentence()
    assert all(fact in sentence for fact in facts)


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"model": "nothing"}, "There is no model 'nothing'"),
        ({"seed": -1}, "The seed is -1"),
        ({"seed": True}, "The seed is True"),
        ({"accelerator": "cuda"}, "train.accelerator is cuda, but torch finds no CUDA device"),
        ({"start_from": "none.ckpt"}, "There is no file none.ckpt"),
        (
            {"models": ModelsSettings(fgstp={"encoder": {"weights": "none.pth"}})},
            "There is no file none.pth",
        ),
    ],
)
def test_settings_that_cannot_be_trained_with(project, monkeypatch, changes, fact):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert fact in project.sentence(**changes)


def test_a_folder_that_cannot_be_written(project):
    project.models.touch()
    for model in ("fgstp", "background"):
        with pytest.raises(UserError, match=r"Cannot write .*models"):
            project.train(model)


# ---------------------------------------------------------------------------- several seeds


def weights_of(project, number):
    path = project.models / f"fgstp/seed_{number}/best.ckpt"
    return read_checkpoint(path).weights["network.fusion.2.weight"]


def test_a_finished_seed_is_not_trained_again(project, tmp_path):
    facts = project.train(seeds=2)
    records = read_records(project.models / "fgstp")
    assert {number: each["seed"] for number, each in records.items()} == {1: 1, 2: 2}
    assert not torch.equal(weights_of(project, 1), weights_of(project, 2))
    checkpoints = [project.models / f"fgstp/seed_{k}/best.ckpt" for k in (1, 2)]
    before = [path.stat().st_mtime_ns for path in checkpoints]
    assert project.train(seed_index=3)["seed"] == 3
    assert records.items() <= read_records(project.models / "fgstp").items()
    assert [path.stat().st_mtime_ns for path in checkpoints] == before
    third = weights_of(project, 3)
    again = project.train(seeds=2)
    assert again == facts
    assert [path.stat().st_mtime_ns for path in checkpoints] == before
    assert not (project.models / "fgstp/seed_3").exists()

    project.models = tmp_path / "alone"
    torch.manual_seed(99)  # whatever was drawn before
    project.train(seed=3)  # as the third training of the seed 1
    assert torch.equal(weights_of(project, 1), third)
