"""A model that trains in two stages: all of it, then all but its first layer."""

from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback
from tiny_model import TinyModel, tiny

from fgstp.core.errors import UserError
from fgstp.models.checkpoint import read_checkpoint
from fgstp.models.sampling import Windows
from fgstp.models.settings import OptimisationSettings
from fgstp.training.fit import fit
from fgstp.training.settings import TrainSettings


class TwoStages(TinyModel):
    n_stages = 2

    def begin_stage(self, stage):
        super().begin_stage(stage)
        self.network.first.requires_grad_(stage == 0)

    @property
    def optimisation(self):
        rate = 1e-3 if self.stage == 0 else 1e-2
        return OptimisationSettings(learning_rate=rate)


class Stop(Callback):
    """Kills the training in an epoch of a stage, and notes which stages begin."""

    def __init__(self, stage=None, epoch=None):
        self.place = stage, epoch
        self.began = []

    def on_train_start(self, trainer, pl_module):
        best = Path(trainer.default_root_dir) / "best.ckpt"
        if best.exists():  # that of the stage before
            weights = pl_module.model.state_dict()
            self.same = all(
                torch.equal(each, weights[name])
                for name, each in read_checkpoint(best).weights.items()
            )
        self.began.append((pl_module.model.stage, trainer.current_epoch))

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if (pl_module.model.stage, trainer.current_epoch) == self.place:
            raise SystemExit(143)


@pytest.fixture
def train(clips, tmp_path):
    for seed, split in enumerate(("train", "validation")):
        clips.add_blob(4, split, seed=seed)
    settings = TrainSettings(
        epochs=2, window_targets=2, targets_per_step=2, steps_per_epoch=1, learning_rate=1.0
    )

    def run(name, stop, **changes):
        model = tiny(TwoStages)
        outcome = fit(
            model,
            clips.table,
            clips.store,
            tmp_path / name,
            settings.model_copy(update=changes),
            seed=5,
            callbacks=[stop],
        )
        return model, outcome

    return run


def test_the_second_stage_begins_with_the_best_weights_of_the_first(train, tmp_path):
    stop = Stop()
    model, outcome = train("run", stop)
    assert stop.began == [(0, 0), (1, 0)]
    assert stop.same
    assert [row["epoch"] for row in outcome.history] == [1, 2, 3, 4]
    rates = [row["learning_rate"] for row in outcome.history]
    assert rates == pytest.approx([1e-3, 1e-3, 1e-2, 1e-2])
    kept = read_checkpoint(outcome.checkpoint)
    assert kept.facts["stage"] == 1
    assert model.stage == 1
    scores = [row["val_miou"] for row in outcome.history]
    assert outcome.n_epochs == 4
    assert outcome.epoch == 3 + scores[2:].index(max(scores[2:]))
    assert outcome.scores["val_miou"] == scores[outcome.epoch - 1]


def test_a_stage_that_cannot_be_trained_is_told_before_the_first(train, monkeypatch):
    def sampling(model):
        return Windows((-1, 1), n_targets=9 if model.stage else 2)

    monkeypatch.setattr(TwoStages, "sampling", property(sampling))
    stop = Stop()
    with pytest.raises(UserError, match="takes 9 frames with masks"):
        train("run", stop)
    assert stop.began == []


def test_a_training_that_is_killed_in_its_second_stage_does_not_repeat_the_first(train, tmp_path):
    _, whole = train("whole", Stop())
    with pytest.raises(SystemExit):
        train("killed", Stop(stage=1, epoch=1))
    again = Stop()
    _, outcome = train("killed", again)
    assert again.began == [(1, 1)]
    assert outcome.history == whole.history
    expected = read_checkpoint(whole.checkpoint).weights
    for name, weights in read_checkpoint(outcome.checkpoint).weights.items():
        assert torch.equal(weights, expected[name]), name


def test_one_that_is_killed_in_its_first_stage_goes_on_there(train):
    _, whole = train("whole", Stop())
    with pytest.raises(SystemExit):
        train("killed", Stop(stage=0, epoch=1))
    again = Stop()
    _, outcome = train("killed", again)
    assert again.began == [(0, 1), (1, 0)]
    assert outcome.history == whole.history


def test_more_epochs_continue_both_stages(train, monkeypatch, caplog):
    train("run", Stop())
    longer = Stop()
    _, outcome = train("run", longer, epochs=3)
    assert longer.began == [(0, 2), (1, 2)]  # the best weights of the first are the same
    assert [row["epoch"] for row in outcome.history] == [1, 2, 3, 4, 5, 6]
    again = Stop()
    assert train("run", again, epochs=3)[1] == outcome
    assert again.began == []
    monkeypatch.setattr("fgstp.training.module.validation_scores", lambda _: {"val_miou": 1.0})
    better = Stop()
    train("run", better, epochs=4)
    assert better.began == [(0, 3), (1, 0)]
    assert "because this changed: weights of the stage before." in caplog.text
