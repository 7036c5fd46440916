"""A model that trains in two stages: all of it, then all but its first layer."""

from pathlib import Path

import pytest
from lightning.pytorch import Callback
from tiny_model import TinyModel, same, tiny

from fgstp.core.errors import UserError
from fgstp.models.checkpoint import read_checkpoint
from fgstp.models.sampling import Windows
from fgstp.models.settings import OptimisationSettings


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
            self.same = same(read_checkpoint(best).weights, pl_module.model.state_dict())
        self.began.append((pl_module.model.stage, trainer.current_epoch))

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if (pl_module.model.stage, trainer.current_epoch) == self.place:
            raise SystemExit(143)


@pytest.fixture
def train(clips, run):
    for seed, split in enumerate(("train", "validation")):
        clips.add_blob(4, split, seed=seed)

    def train(name, stop, **changes):
        model = tiny(TwoStages)
        return model, run(model, name, [stop], **{"epochs": 2, "learning_rate": 1.0} | changes)

    return train


def test_the_second_stage_begins_with_the_best_weights_of_the_first(train):
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


@pytest.mark.parametrize(
    ("stage", "goes_on"), [(0, [(0, 1), (1, 0)]), (1, [(1, 1)])], ids=["first", "second"]
)
def test_a_training_that_is_killed_in_a_stage_goes_on_there(train, stage, goes_on):
    _, whole = train("whole", Stop())
    with pytest.raises(SystemExit):
        train("killed", Stop(stage, epoch=1))
    again = Stop()
    _, outcome = train("killed", again)
    assert again.began == goes_on
    assert outcome.history == whole.history
    expected = read_checkpoint(whole.checkpoint).weights
    assert same(read_checkpoint(outcome.checkpoint).weights, expected)


def test_a_stage_that_ended_early_is_not_trained_longer(train, monkeypatch):
    monkeypatch.setattr("fgstp.training.module.validation_scores", lambda _: {"val_miou": 0.5})
    impatient = {"epochs": 4, "patience": 1}
    _, whole = train("whole", Stop(), **impatient)
    assert (whole.ended_by, whole.n_epochs) == ("early stop", 4)
    with pytest.raises(SystemExit):
        train("killed", Stop(stage=1, epoch=1), **impatient)
    assert train("killed", Stop(), **impatient)[1].history == whole.history


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
