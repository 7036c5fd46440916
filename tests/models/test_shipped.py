"""Weights that come with the package."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from fgstp import load_model
from fgstp.core.errors import UserError
from fgstp.inference.trainings import given_training
from fgstp.models import shipped_files, shipping
from fgstp.models.checkpoint import read_checkpoint, save_checkpoint
from fgstp.models.registry import create_model
from fgstp.models.training_records import record_of, seed_folder, write_record
from fgstp.plumes import SyntheticVideo
from fgstp.scoring.metrics.detection import auroc

SMALL = {"height_px": 24, "width_px": 32, "width": 4}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An empty folder of shipped weights."""
    folder = tmp_path / "weights"
    folder.mkdir()
    monkeypatch.setattr(shipped_files, "folder", lambda: folder)
    return folder


@pytest.fixture
def ship(tmp_path, package):
    def ship(name, seed=1):
        torch.manual_seed(seed)
        model = create_model("wisp", SMALL)
        save_checkpoint(model, tmp_path / "best.ckpt", {"epoch": 3})
        shipping.write_shipped(
            model,
            read_checkpoint(tmp_path / "best.ckpt"),
            name,
            package,
            licence="Apache-2.0",
            trainings={1: {"val_iou": 0.5}},
        )
        return model

    return ship


def test_a_shipped_model_is_loaded_by_its_name(ship):
    model = ship("wisp-1")
    frames = np.random.default_rng(1).integers(0, 256, (4, 48, 64)).astype(np.uint8)
    for name in ("wisp", "wisp-1"):
        loaded = load_model(name)
        assert loaded.name == "wisp"
        np.testing.assert_allclose(loaded.predict(frames), model.predict(frames), atol=1e-6)


def test_the_plain_name_is_the_newest_version(ship):
    for version in (1, 2, 10):
        ship(f"wisp-{version}", seed=version)
    assert shipped_files.find_shipped("wisp") == "wisp-10"
    assert shipped_files.find_shipped("wisp-2") == "wisp-2"
    assert shipped_files.find_shipped("fgstp-b0") is None


def test_the_card_tells_where_the_weights_come_from(ship):
    ship("wisp-1")
    card = shipped_files.read_card("wisp-1")
    assert (card.model, card.licence) == ("wisp", "Apache-2.0")
    assert card.trainings == {1: {"val_iou": 0.5}}
    assert card.facts["epoch"] == 3
    assert card.settings["width"] == 4
    assert read_checkpoint("wisp").facts == card.facts


def test_the_fingerprint_is_that_of_the_weights_wherever_they_lie(ship, tmp_path):
    ship("wisp-1")
    model = load_model("wisp")
    assert model.fingerprint == shipped_files.read_card("wisp-1").sha256
    checkpoint = tmp_path / "own.ckpt"
    save_checkpoint(model, checkpoint)
    copy = load_model(checkpoint)
    assert copy.fingerprint == model.fingerprint
    next(copy.parameters()).data += 1e-3
    assert copy.fingerprint != model.fingerprint
    assert create_model("background").fingerprint is None


def test_a_file_of_that_name_comes_first(ship, tmp_path, monkeypatch):
    ship("wisp-1")
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(5)
    other = create_model("wisp", SMALL | {"width": 2})
    save_checkpoint(other, tmp_path / "wisp")
    assert load_model("wisp").settings.width == 2


@pytest.mark.parametrize("spoil", ["cut", "swap", "card"])
def test_damaged_files_are_refused_with_a_remedy(ship, package, spoil):
    ship("wisp-1")
    weights, card = package / "wisp-1.safetensors", package / "wisp-1.json"
    if spoil == "cut":
        weights.write_bytes(weights.read_bytes()[:100])
    elif spoil == "swap":
        content = bytearray(weights.read_bytes())
        content[-1] ^= 1
        weights.write_bytes(bytes(content))
    else:
        card.write_text(json.dumps({"name": "wisp-1"}))
    with pytest.raises(UserError, match="install the package again"):
        load_model("wisp-1")


def test_the_best_training_is_shipped_and_all_stand_in_the_card(tmp_path, package):
    for number, score in enumerate((0.3, 0.6, 0.5), start=1):
        torch.manual_seed(number)
        folder = seed_folder(tmp_path / "wisp", number)
        folder.mkdir(parents=True)
        model = create_model("wisp", SMALL)
        save_checkpoint(model, folder / "best.ckpt")
        record = record_of(model, folder / "best.ckpt")
        own = {"trained": True, "monitor": "val_iou", "scores": {"val_iou": score}}
        write_record(folder, record | own)
    card = shipping.ship_best(tmp_path / "wisp", "wisp-1", package, "Apache-2.0")
    assert card.trainings == {n: {"val_iou": s} for n, s in ((1, 0.3), (2, 0.6), (3, 0.5))}
    torch.manual_seed(2)
    second = create_model("wisp", SMALL).state_dict()
    assert all(
        torch.equal(each, second[key]) for key, each in load_model("wisp").state_dict().items()
    )


def test_without_a_training_nothing_is_shipped(tmp_path, package):
    with pytest.raises(UserError, match="train the model first"):
        shipping.ship_best(tmp_path / "wisp", "wisp-1", package, "Apache-2.0")
    assert not list(package.iterdir())


def test_what_comes_with_the_package_tells_frames_with_gas_from_those_without():
    model, scores, classes = load_model("wisp"), [], []
    for seed in (901, 902):  # of no training
        video = SyntheticVideo("close_clear", seed, n_frames=160, fps_hz=3.0, conditions="wide")
        session = model.session(240, 320, fps_hz=3.0)
        for frame in video:
            [found] = session.push(frame.grey)
            classes.append(frame.mask.sum() > 200)
            scores.append(found.score)
    assert 0.05 < np.mean(classes) < 0.95
    assert auroc(np.array(classes), np.array(scores)) > 0.9
    assert 0 < model.frame_threshold < 1


@pytest.mark.parametrize("name", shipped_files.list_shipped())
def test_what_comes_with_the_package_is_small_and_names_its_training(name):
    card = shipped_files.read_card(name)
    assert card.name == name
    assert card.trainings
    assert (shipped_files.folder() / f"{name}.safetensors").stat().st_size < 20e6
    assert load_model(name).name == card.model


def test_shipped_weights_are_evaluated_by_their_name():
    [(path, training)] = given_training(Path("wisp"), "wisp").items()
    assert load_model(path, model="wisp").name == "wisp"
    assert training.checkpoint_sha256 == shipped_files.read_card("wisp-1").sha256
    with pytest.raises(UserError, match="is a checkpoint of wisp, not of fgstp"):
        given_training(Path("wisp"), "fgstp")
