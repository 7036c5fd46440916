"""Every model of the tables, tiny, from clips to a checkpoint that predicts."""

import numpy as np
import pytest
import torch
import yaml
from tiny_model import same

from fgstp.models.base import Model
from fgstp.models.checkpoint import load_model
from fgstp.models.registry import create_model, model_infos, model_settings
from fgstp.models.session import prompt_of

TRAINED = [
    pytest.param(info.name, marks=[pytest.mark.slow] if "_no_" in info.name else [])
    for info in model_infos()
    if issubclass(info.model, Model)
]


@pytest.fixture
def settings(repository):
    """Settings of a model as the tests' environment has them."""

    def of(name, **changes):
        text = (repository / "conf/test/parameters_models.yml").read_text("utf-8")
        return model_settings(name, yaml.safe_load(text)["models"][name]).model_dump() | changes

    return of


@pytest.fixture
def train(clips, run):
    for seed, split in enumerate(("train", "train", "validation")):
        clips.add_blob(8, split, shape=(48, 64), seed=seed)

    def train(name, values, folder="run"):
        torch.manual_seed(1)
        model = create_model(name, values)
        before = {key: each.clone() for key, each in model.network.state_dict().items()}
        plain = {"targets_per_step": 4, "epochs": 1, "augmentation": {"enabled": False}}
        return model, before, run(model, folder, **plain)

    return train


@pytest.mark.parametrize("name", TRAINED)
def test_it_trains_and_its_checkpoint_predicts(name, train, settings, clips):
    model, before, outcome = train(name, settings(name))
    assert (outcome.n_epochs, outcome.ended_by) == (1, "epochs")
    assert all(np.isfinite(row["train_loss"]) for row in outcome.history)
    parts = [key for key in outcome.history[0] if key.startswith("train_")]
    assert len(parts) > 1  # the loss, and what it is made of
    assert not same(before, model.network.state_dict())

    loaded = load_model(outcome.checkpoint)
    assert loaded.name == name
    clip = clips.clip("V_0002")
    maps = loaded.predict(clip.frames, prompt=prompt_of(loaded.prompt_kind, clip.masks()))
    assert maps.shape == clip.frames.shape
    assert maps.dtype == np.float32
    assert 0 <= maps.min() <= maps.max() <= 1

    if name in ("zoomnext", "xmem_pp", "rmem", "mg"):  # they draw numbers while they learn
        other, _, _ = train(name, settings(name), "again")
        assert same(other.network.state_dict(), model.network.state_dict())


@pytest.mark.slow
def test_the_long_term_network_is_trained_after_the_short_term_one(train, settings, clips):
    values = settings("slt_net", long_term=True)
    values["long"] |= {"height_px": 32, "width_px": 64, "n_frames": 2}
    model, _, outcome = train("slt_net", values)
    assert [row["epoch"] for row in outcome.history] == [1, 2]
    assert model.stage == 1
    loaded = load_model(outcome.checkpoint)
    assert loaded.stage == 1
    assert loaded.predict(clips.clip("V_0002").frames).shape == (8, 48, 64)
