"""The node of train: what it writes and gives back, and which mistakes it tells."""

import hashlib
import json

import numpy as np
import pytest
import torch

from fgstp.core.errors import UserError
from fgstp.footage.clip_store import ClipStore
from fgstp.footage.clips import Clip
from fgstp.footage.records import CLIP_COLUMNS, table
from fgstp.models.checkpoint import load_model, read_checkpoint
from fgstp.models.fgstp.model import FgstpModel
from fgstp.models.registry import ModelsSettings, create_model
from fgstp.pipelines.train import nodes
from fgstp.pipelines.train.nodes import train_model
from fgstp.training.settings import TrainSettings

SMALL = {"height_px": 32, "width_px": 32, "encoder": {"name": "pvt_v2_b0"}}
MODELS = ModelsSettings.model_validate(
    {"fgstp": SMALL, "fgstp_no_ctc": SMALL | {"ctc": False}},
)
QUICK = {
    "epochs": 1,
    "steps_per_epoch": 1,
    "targets_per_step": 2,
    "window_targets": 2,
    "validation_frames": 3,
    "accelerator": "cpu",
}


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Project:
    """Clips and the folder of models; all that the node gets."""

    def __init__(self, folder):
        self.store = ClipStore(folder / "clips")
        self.models = folder / "models"
        self.rows = []

    def add(self, name, split="train", mask_source="annotated", dropped=None):
        """A noisy clip with a bright blob, which is gas, in all frames but the first."""
        rng = np.random.default_rng(len(self.rows))
        frames = rng.integers(40, 120, (6, 24, 32)).astype(np.uint8)
        masks = np.zeros_like(frames)
        masks[1:, 6:16, 8:20] = 1
        kept = None if mask_source == "none" else masks
        self.store.write(name, Clip(0, 0, frames + 100 * masks, masks=kept))
        row = {"clip": name, "video": "V", "frames": 6, "split": split, "gas_fraction": 0.1}
        self.rows.append(row | {"mask_source": mask_source, "dropped": dropped})

    def train(self, model="fgstp", seed=1, models=MODELS, **changes):
        settings = TrainSettings.model_validate(QUICK | changes)
        clips = table(self.rows, CLIP_COLUMNS)
        return train_model(clips, self.store, self.models, model, models, settings, seed)

    def sentence(self, **changes):
        """What is told when it fails; nothing may be left then."""
        with pytest.raises(UserError) as caught:
            self.train(**changes)
        assert not [path for path in self.models.rglob("*") if path.is_file()]
        assert "\n" not in str(caught.value)
        return str(caught.value)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def empty(tmp_path):
    return Project(tmp_path)


@pytest.fixture
def project(empty):
    empty.add("a")
    empty.add("b")
    empty.add("c", split="validation")
    return empty


# ---------------------------------------------------------------------------- training


def test_what_is_written_and_given_back_belong_together(project):
    facts = project.train(epochs=2)
    assert json.loads(json.dumps(facts)) == facts  # it becomes a JSON file
    assert (facts["model"], facts["trained"], facts["ended_by"]) == ("fgstp", True, "epochs")
    assert facts["n_epochs"] == 2
    assert [row["epoch"] for row in facts["epochs"]] == [1, 2]
    assert all(np.isfinite(row["train_loss"]) for row in facts["epochs"])
    best = facts["epochs"][facts["epoch"] - 1]
    assert facts["scores"] == {name: best[name] for name in best if name.startswith("val_")}
    assert best["val_miou"] == max(row["val_miou"] for row in facts["epochs"])

    assert sorted(path.name for path in (project.models / "fgstp").iterdir()) == [
        "best.ckpt",
        "repeats",
    ]
    assert (facts["seed"], facts["repeats"]) == (1, [])
    checkpoint = read_checkpoint(project.models / "fgstp/best.ckpt")
    assert checkpoint.settings == MODELS.fgstp.model_dump(mode="json")
    assert checkpoint.facts["epoch"] == facts["epoch"]
    network = create_model("fgstp", MODELS.fgstp).network
    assert facts["parameters"] == sum(weights.numel() for weights in network.parameters())
    assert facts["checkpoint_sha256"] == sha256(project.models / "fgstp/best.ckpt")
    assert facts["monitor"] == "val_miou"
    assert facts["mask_sources"] == ["annotated"]
    assert facts["trained"] is True


def test_what_chose_the_checkpoint_and_the_masks_of_all_training_clips_are_noted(project):
    project.add("d", mask_source="pseudo")
    project.add("e", mask_source="synthetic", dropped="duplicate")
    project.add("f", mask_source="synthetic", split="validation")
    facts = project.train(allow_pseudo_masks=True, monitor="val_iou", epochs=2)
    assert facts["mask_sources"] == ["annotated", "pseudo"]
    assert facts["monitor"] == "val_iou"
    best = facts["epochs"][facts["epoch"] - 1]
    assert best["val_iou"] == max(row["val_iou"] for row in facts["epochs"])


def test_the_seed_decides_first_weights_and_all_that_is_drawn(project):
    def weights(seed):
        project.train(seed=seed)
        return read_checkpoint(project.models / "fgstp/best.ckpt").weights

    first = weights(3)
    torch.manual_seed(99)  # whatever was drawn before
    again, other = weights(3), weights(4)
    assert all(torch.equal(first[name], again[name]) for name in first)
    # Trained for one step, only first weights can be as far apart.
    name = next(name for name in first if name.endswith("proj.weight"))
    assert (first[name] - other[name]).abs().max() > 0.01


def test_each_model_has_a_folder_and_its_own_settings(project):
    project.train()
    before = (project.models / "fgstp/best.ckpt").read_bytes()
    assert project.train("fgstp_no_ctc")["model"] == "fgstp_no_ctc"
    assert (project.models / "fgstp/best.ckpt").read_bytes() == before
    model = load_model(project.models / "fgstp_no_ctc/best.ckpt", model="fgstp_no_ctc")
    assert model.settings == MODELS.fgstp_no_ctc


def test_a_model_without_training_needs_no_clips_and_is_written_all_the_same(empty, caplog):
    models = ModelsSettings.model_validate({"background": {"variance_threshold": 9.0}})
    with caplog.at_level("INFO", logger="fgstp"):
        facts = empty.train("background", models=models)
    assert facts == {
        "model": "background",
        "trained": False,
        "parameters": 0,
        "checkpoint_sha256": sha256(empty.models / "background/best.ckpt"),
        "epochs": [],
    }
    assert "background needs no training." in caplog.text
    loaded = load_model(empty.models / "background/best.ckpt", model="background")
    assert loaded.settings.variance_threshold == 9.0


# ---------------------------------------------------------------------------- mistakes


def test_without_clips_ingest_is_asked_for(empty):
    assert "There are no clips; run `kedro run --pipelines=ingest` first." in empty.sentence()


def test_dropped_clips_are_no_clips(empty):
    empty.add("a", dropped="duplicate")
    assert "There are no clips" in empty.sentence()


@pytest.mark.parametrize(
    ("there", "missing", "remedy"),
    [
        ("validation", "train", "give some videos the split train"),
        ("train", "validation", "raise ingest.validation.fraction"),
    ],
)
def test_without_clips_of_a_split(empty, there, missing, remedy):
    empty.add("a", split=there)
    empty.add("b", split="test")
    sentence = empty.sentence()
    assert f"None of the 2 clips is in the split {missing}" in sentence
    assert remedy in sentence


def test_without_masks(project):
    for row in project.rows:
        row["mask_source"] = "none"
    assert "No clip of the split train has masks" in project.sentence()


def test_mask_files_that_are_gone(project):
    project.store.path("b", "masks").unlink()
    assert "The masks of the clip b are missing" in project.sentence()


def test_pseudo_masks_are_taken_only_if_that_is_allowed(empty):
    for name, split in (("a", "train"), ("b", "validation")):
        empty.add(name, split=split, mask_source="pseudo")
    sentence = empty.sentence()
    assert "1 of the 1 clips of the split train have masks that were computed" in sentence
    assert "set train.allow_pseudo_masks" in sentence
    assert empty.train(allow_pseudo_masks=True)["n_epochs"] == 1


def test_a_model_that_is_not_there(project):
    sentence = project.sentence(model="nothing")
    assert sentence.startswith("There is no model 'nothing'; choose one of fgstp, ")
    assert "background" in sentence


@pytest.mark.parametrize("seed", [-1, 1.5, "1", True, None])
def test_a_seed_that_is_none(project, seed):
    assert f"The seed is {seed!r}" in project.sentence(seed=seed)


def test_cuda_without_a_gpu(project, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    sentence = project.sentence(accelerator="cuda")
    assert sentence.startswith("train.accelerator is cuda, but torch finds no CUDA device")
    assert "auto or cpu" in sentence


def test_weights_to_start_from_that_are_not_there(project, tmp_path):
    encoder = SMALL["encoder"] | {"weights": str(tmp_path / "none.pth")}
    models = ModelsSettings.model_validate({"fgstp": SMALL | {"encoder": encoder}})
    assert f"There is no file {tmp_path}/none.pth" in project.sentence(models=models)


def test_a_loss_that_is_not_finite_names_the_clips(project, monkeypatch):
    step = FgstpModel.training_step

    def broken(self, batch, progress):
        loss, parts = step(self, batch, progress)
        return loss * float("nan"), parts

    monkeypatch.setattr(FgstpModel, "training_step", broken)
    for row in project.rows:
        row["dropped"] = "duplicate" if row["clip"] == "b" else None
    sentence = project.sentence()
    assert "The loss became nan in epoch 1, on the clips a; lower train.learning_rate" in sentence


def test_a_later_loss_that_is_not_finite_leaves_the_best_checkpoint_so_far(project, monkeypatch):
    step, calls = FgstpModel.training_step, []

    def broken_later(self, batch, progress):
        calls.append(batch)
        loss, parts = step(self, batch, progress)
        return (loss if len(calls) == 1 else loss / 0), parts

    monkeypatch.setattr(FgstpModel, "training_step", broken_later)
    with pytest.raises(UserError, match=r"became inf in epoch 2, .* so far, .*, is kept"):
        project.train(epochs=3)
    assert read_checkpoint(project.models / "fgstp/best.ckpt").facts["epoch"] == 1
    assert not list(project.models.rglob(".tmp-*"))


def test_a_folder_that_cannot_be_written(project):
    project.models.touch()
    for model in ("fgstp", "background"):
        with pytest.raises(UserError, match=r"Cannot write .*models"):
            project.train(model)


# ---------------------------------------------------------------------------- several seeds


def weights_of(path):
    return read_checkpoint(path).weights["fusion.2.weight"]


def test_each_seed_trains_once_more_as_a_training_with_that_seed_would(project, tmp_path):
    facts = project.train(seeds=3, epochs=1)
    folder = project.models / "fgstp"
    assert (facts["seed"], [each["seed"] for each in facts["repeats"]]) == (1, [2, 3])
    for number, record in enumerate(facts["repeats"], start=1):
        checkpoint = folder / f"repeats/{number}/best.ckpt"
        assert record["checkpoint_sha256"] == sha256(checkpoint)
        assert "repeats" not in record
    three = [folder / part / "best.ckpt" for part in ("", "repeats/1", "repeats/2")]
    weights = [weights_of(path) for path in three]
    assert not torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[1], weights[2])

    project.models = tmp_path / "alone"
    project.train(seed=2, epochs=1)
    assert torch.equal(weights_of(project.models / "fgstp/best.ckpt"), weights[1])


def test_an_interrupted_command_does_not_train_a_finished_repeat_again(project, monkeypatch):
    repeat = project.models / "fgstp/repeats/1/best.ckpt"
    fit, folders = nodes.fit, []

    def killed(model, clips, files, folder, *arguments, **more):
        folders.append(folder.name)
        if folder.name == "fgstp":
            raise SystemExit(143)
        return fit(model, clips, files, folder, *arguments, **more)

    monkeypatch.setattr(nodes, "fit", killed)
    with pytest.raises(SystemExit):
        project.train(seeds=2, epochs=1)
    before = repeat.stat().st_mtime_ns
    with pytest.raises(SystemExit):
        project.train(seeds=2, epochs=1)
    assert folders == ["1", "fgstp", "fgstp"]
    assert repeat.stat().st_mtime_ns == before
    with pytest.raises(SystemExit):  # another training is asked for
        project.train(seeds=2, epochs=2)
    assert folders[3:] == ["1", "fgstp"]


def test_a_command_that_has_ended_trains_all_anew(project):
    project.train(seeds=2, epochs=1)
    repeat = project.models / "fgstp/repeats/1/best.ckpt"
    before = repeat.stat().st_mtime_ns
    project.train(seeds=2, epochs=1)
    assert repeat.stat().st_mtime_ns != before
    assert [path.name for path in repeat.parent.iterdir()] == ["best.ckpt"]


def test_repeats_that_are_no_longer_asked_for_are_removed(project):
    project.train(seeds=2, epochs=1)
    assert project.train(seeds=1, epochs=1)["repeats"] == []
    assert list((project.models / "fgstp/repeats").iterdir()) == []
