import itertools
import math

import pytest
import torch

from fgstp.models.fgstp import FgstpModel
from fgstp.models.settings import OptimisationSettings
from fgstp.training.module import cosine_restarts, optimiser, schedule
from fgstp.training.settings import TrainSettings

SETTINGS = TrainSettings(learning_rate=0.01)


def groups(build, **own):
    """Learning rate and weight decay of each weight."""
    model = build(optimisation=own)
    model.network.extra = torch.nn.LayerNorm([4, 3, 2])
    chosen = optimiser(model, SETTINGS)
    names = {id(weights): name for name, weights in model.network.named_parameters()}
    found = {
        names[id(weights)]: (group["lr"], group["weight_decay"])
        for group in chosen.param_groups
        for weights in group["params"]
    }
    assert found.keys() == set(names.values())
    return chosen, found


def test_a_model_may_have_its_own_rate_and_a_lower_one_for_encoders(build):
    chosen, found = groups(build)
    assert type(chosen) is torch.optim.Adam
    assert set(found.values()) == {(0.01, 0.0)}
    _, found = groups(build, learning_rate=0.2, encoder_lr_scale=0.1)
    for name, (rate, _) in found.items():
        assert rate == pytest.approx(0.02 if name.startswith("encoder.") else 0.2)


def test_biases_normalisations_and_named_weights_do_not_decay(build, monkeypatch):
    monkeypatch.setattr(FgstpModel, "undecayed", ("fusion.2.weight",))
    chosen, found = groups(build, optimiser="adamw", weight_decay=0.07)
    assert type(chosen) is torch.optim.AdamW
    assert found["fusion.0.weight"] == found["fusion.1.weight"] == (0.01, 0.07)
    spared = ("fusion.0.bias", "fsp.0.fuse.bn.weight", "extra.weight", "fusion.2.weight")
    assert {found[name] for name in spared} == {(0.01, 0.0)}


def test_frozen_weights_are_not_trained(build):
    model = build()
    model.network.encoder.requires_grad_(False)
    chosen = optimiser(model, SETTINGS)
    trained = [weights for group in chosen.param_groups for weights in group["params"]]
    assert trained
    assert all(weights.requires_grad for weights in trained)


def factors(n_steps=100, epochs=10, drop_every_epochs=4, **own):
    train = TrainSettings(epochs=epochs, drop_every_epochs=drop_every_epochs)
    factor = schedule(OptimisationSettings(**own), train, n_steps)
    return [factor(step) for step in range(n_steps)]


def test_the_rate_drops_when_an_epoch_begins_counted_from_one():
    found = factors(schedule="drop")
    # Epochs 4 and 8, of ten steps each.
    assert found == pytest.approx([1.0] * 30 + [0.1] * 40 + [0.01] * 30)
    paper = factors(60, 60, TrainSettings().drop_every_epochs)  # an epoch a step
    assert paper == pytest.approx([1.0] * 44 + [0.1] * 16)


def test_a_polynomial_decreases_to_a_twentieth():
    found = factors(schedule="polynomial")
    assert found[0] == 1.0
    assert found[50] == pytest.approx(0.05 + 0.95 * 0.5**0.9)
    assert all(later < earlier for earlier, later in itertools.pairwise(found))
    assert 0.05 < found[-1] < 0.07


def test_the_rate_is_halved_three_times():
    found = factors(n_steps=30, schedule="halving")
    assert found == [1.0] * 8 + [0.5] * 8 + [0.25] * 8 + [0.125] * 6


def test_a_warm_up_rises_linearly_and_then_leaves_the_schedule_alone():
    found = factors(schedule="constant", warm_up_fraction=0.04)
    assert found == pytest.approx([0.25, 0.5, 0.75] + [1.0] * 97)
    with_polynomial = factors(schedule="polynomial", warm_up_fraction=0.04)
    assert with_polynomial[10:] == factors(schedule="polynomial")[10:]


def test_restarts_follow_after_longer_and_longer_periods():
    found = [cosine_restarts(step) for step in range(5 + 6 + 8 + 10 + 12)]
    starts = [step for step, value in enumerate(found) if value == 1.0]
    assert starts == [0, 5, 11, 19, 29]
    assert found[1] == pytest.approx(0.01 + 0.99 * (1 + math.cos(math.pi / 5)) / 2)
    assert min(found) > 0.01
