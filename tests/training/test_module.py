import itertools
import math

import numpy as np
import pytest
import torch
from tiny_model import TinyModel, tiny

from fgstp.core.errors import UserError
from fgstp.models.fgstp import FgstpModel
from fgstp.models.session import Prediction
from fgstp.models.settings import OptimisationSettings
from fgstp.training.module import (
    TrainingModule,
    cosine_restarts,
    optimiser,
    schedule,
)
from fgstp.training.settings import TrainSettings

SETTINGS = TrainSettings(learning_rate=0.01)


def test_a_prediction_that_is_not_finite_is_no_score(clips):
    name = clips.add_blob(9, "validation")
    module = TrainingModule(tiny(), TrainSettings(), clips.store)
    torch.nn.init.constant_(module.model.network.last.bias, torch.nan)
    with pytest.raises(UserError, match=rf"no longer finite after epoch 1, on the clip {name}"):
        module.validation_step(clips.row(name), 0)


@pytest.mark.parametrize(
    ("step", "wanted", "shown", "n_gas", "found", "threshold"),
    [
        (1, None, slice(0, 9), 8, 7 / 8, 0.01),
        (1, 3, slice(3, 6), 3, 1, None),
        (5, None, slice(0, 21), 4, 3 / 4, 0.05),  # annotated are 0, 5, ... 20
        (5, 3, slice(5, 16), 3, 1, None),
    ],
)
def test_validation_scores_annotated_frames_alone_at_the_clips_own_size(
    clips, monkeypatch, step, wanted, shown, n_gas, found, threshold
):
    clips.step = step
    name = clips.add_blob(9 if step == 1 else 21, "validation")
    module = TrainingModule(tiny(), TrainSettings(validation_frames=wanted), clips.store)
    given, logged = [], {}

    def predict(frames, fps_hz, prompt, n_context):
        given.append((np.array(frames), prompt.masks))
        # Surest at 0.5, just not gas; 0.51 in one row.
        rows = np.where(np.arange(frames.shape[1]) == 7, 0.51, 0.5).astype(np.float32)
        shown = np.broadcast_to(rows[:, None], frames.shape[1:])
        return [Prediction(n, 0.0, shown, n / 100) for n in range(len(frames))]

    module.model.predictions = predict
    module.log = lambda key, value, **more: logged.update({key: value})
    module.log_dict = lambda values, **more: logged.update(values)
    monkeypatch.setattr(TinyModel, "prompt_kind", "all_masks")
    module.validation_step(clips.row(name), 0)
    module.on_validation_epoch_end()
    [(frames, masks)] = given
    np.testing.assert_array_equal(frames, clips.clip(name).frames[shown])
    assert masks.any(axis=(1, 2)).sum() == n_gas
    # A row of 32 is found; gas is 10 x 12, in all frames but the first. The first frame with
    # gas is not counted.
    with_gas = 12 / (32 + 120 - 12)
    assert logged["val_miou_gas"] == pytest.approx(with_gas)
    assert logged["val_miou"] == pytest.approx(with_gas * found)
    # Between frame 0, of score 0, and the second with gas; None where all frames have gas.
    assert module.model.frame_threshold == threshold


def test_validation_does_not_score_void(clips):
    labels = np.zeros((3, 24, 32), np.uint8)
    labels[:, :10, :12] = 1
    labels[:, :, 20:] = 255
    frames = np.full_like(labels, 90)
    name = clips.add(frames, labels, "validation")
    module, logged = TrainingModule(tiny(), TrainSettings(), clips.store), {}
    row = (np.arange(24) == 7)[:, None] * np.ones((3, 1, 32), np.float32)
    module.model.predictions = lambda *_, **__: [Prediction(0, 0.0, each, 0.5) for each in row]
    module.log = lambda *_, **__: None
    module.log_dict = lambda values, **_: logged.update(values)
    module.validation_step(clips.row(name), 0)
    module.on_validation_epoch_end()
    # A row of 32 is found, of which 20 count, 12 of them among the 120 pixels of gas.
    assert logged["val_miou_gas"] == pytest.approx(12 / (20 + 120 - 12))


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
