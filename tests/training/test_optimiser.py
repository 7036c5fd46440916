import pytest
import torch
from pydantic import ValidationError

from fgstp.models.fgstp.model import FgstpModel
from fgstp.models.settings import OptimisationSettings
from fgstp.training.optimiser import clipping, optimiser
from fgstp.training.settings import TrainSettings

SETTINGS = TrainSettings(learning_rate=0.01)


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({}, (0.5, "value")),
        ({"clip": "none"}, (None, "value")),
        ({"clip": "norm", "clip_norm": 3.0}, (3.0, "norm")),
    ],
)
def test_gradients_are_cut_as_the_block_train_says_or_as_the_model_does(own, expected):
    settings = TrainSettings(gradient_clip_value=0.5)
    assert clipping(OptimisationSettings(**own), settings) == expected


@pytest.mark.parametrize("own", [{"clip": "norm"}, {"clip_norm": 3.0}])
def test_a_length_belongs_to_clipping_by_norm(own):
    with pytest.raises(ValidationError, match="clip_norm is needed for clip: norm"):
        OptimisationSettings(**own)


def test_some_weights_of_a_model_are_spared_decay(build, monkeypatch):
    monkeypatch.setattr(FgstpModel, "undecayed", ("fusion.0.weight",))
    _, found = groups(build, optimiser="adamw", weight_decay=0.07)
    assert found["fusion.0.weight"] == (0.01, 0.0)
    assert found["fusion.1.weight"] == (0.01, 0.07)


def groups(build, **own):
    model = build(optimisation=own)
    chosen = optimiser(model, SETTINGS)
    names = {id(weights): name for name, weights in model.network.named_parameters()}
    found = {
        names[id(weights)]: (group["lr"], group["weight_decay"])
        for group in chosen.param_groups
        for weights in group["params"]
    }
    assert found.keys() == set(names.values())
    return chosen, found


def test_by_default_all_weights_have_the_rate_of_the_block_train(build):
    chosen, found = groups(build)
    assert type(chosen) is torch.optim.Adam
    assert set(found.values()) == {(0.01, 0.0)}


def test_a_model_may_have_a_rate_of_its_own_and_encoders_a_share_of_it(build):
    _, found = groups(build, learning_rate=0.2, encoder_lr_scale=0.1)
    for name, (rate, _) in found.items():
        assert rate == pytest.approx(0.02 if name.startswith("encoder.") else 0.2)


def test_biases_and_normalisations_do_not_decay(build):
    chosen, found = groups(build, optimiser="adamw", weight_decay=0.07)
    assert type(chosen) is torch.optim.AdamW
    assert found["fusion.0.weight"] == (0.01, 0.07)
    assert found["fusion.0.bias"] == (0.01, 0.0)
    assert found["fsp.0.fuse.bn.weight"] == (0.01, 0.0)


def test_frozen_weights_are_not_changed(build):
    model = build()
    model.network.encoder.requires_grad_(False)
    chosen = optimiser(model, SETTINGS)
    trained = {id(weights) for group in chosen.param_groups for weights in group["params"]}
    frozen = {id(weights) for weights in model.network.encoder.parameters()}
    assert trained
    assert not trained & frozen


def test_normalisations_do_not_decay_whatever_their_shape(build):
    model = build(optimisation={"optimiser": "adamw", "weight_decay": 0.07})
    model.network.extra = torch.nn.LayerNorm([4, 3, 2])
    groups = optimiser(model, SETTINGS).param_groups
    decays = {id(w): group["weight_decay"] for group in groups for w in group["params"]}
    assert decays[id(model.network.extra.weight)] == 0.0
    assert decays[id(model.network.fusion[1].weight)] == 0.07
