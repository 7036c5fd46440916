import json
import logging
from functools import partial

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback
from tiny_model import Still, TinyModel, tiny

from fgstp.core.errors import UserError
from fgstp.models.checkpoint import read_checkpoint
from fgstp.models.registry import ModelInfo
from fgstp.models.sampling import Windows
from fgstp.training.augmentation import prepared
from fgstp.training.callbacks import TimeLimit
from fgstp.training.data import SampleOrder, Samples, collated
from fgstp.training.fit import fit
from fgstp.training.settings import TrainSettings

VAL = ("val_iou", "val_miou", "val_miou_gas")
SMALL = {"window_targets": 2, "targets_per_step": 2, "steps_per_epoch": 1, "learning_rate": 1e-3}


@pytest.fixture
def train(small, tmp_path):
    """Trains a new model on two small clips."""
    clips = small

    def run(name="run", callbacks=(), seed=5, model=None, **changes):
        model = model or tiny()
        settings = TrainSettings(**SMALL | {"epochs": 3} | changes)
        return model, fit(
            model,
            clips.table,
            clips.store,
            tmp_path / name,
            settings,
            seed=seed,
            callbacks=callbacks,
        )

    return run


class Watch(Callback):
    """Notes what is seen, and does something at one point."""

    def __init__(self, epoch=None, action=None):
        self.epoch, self.action = epoch, action
        self.metrics, self.clips, self.draws = [], [], []

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.current_epoch == self.epoch:
            self.action(trainer, pl_module)
        self.clips.append(batch.clips)

    def on_validation_end(self, trainer, pl_module):
        self.metrics.append(dict(trainer.callback_metrics))


class Scores(Callback):
    """Decides what validation of each epoch gives, and notes the weights."""

    def __init__(self, *values):
        self.values = values
        self.weights = {}

    def on_validation_start(self, trainer, pl_module):
        scores = {"val_miou": self.values[trainer.current_epoch], "val_iou": 0.0}
        pl_module.on_validation_epoch_end = lambda: pl_module.log_dict(scores)
        weights = pl_module.model.state_dict()
        self.weights[trainer.current_epoch + 1] = {k: w.clone() for k, w in weights.items()}


def kill(*_):
    raise SystemExit(143)


def spoil(_, module):
    with torch.no_grad():
        module.model.network.last.bias.fill_(torch.nan)


def files_of(folder):
    return sorted(path.name for path in folder.iterdir())


def last(folder):
    """The weights and the state of the optimiser after the last epoch."""
    state = torch.load(folder / "resume/0/state.ckpt", weights_only=True)
    [optimiser] = state["optimizer_states"]
    moments = {
        f"{number} {name}": value
        for number, each in optimiser["state"].items()
        for name, value in each.items()
    }
    return state["state_dict"] | moments


def same(one, two):
    assert one.keys() == two.keys()
    return all(torch.equal(one[name], two[name]) for name in one)


def test_training_gives_the_best_checkpoint_and_live_figures(train, tmp_path, caplog):
    caplog.set_level(logging.INFO, logger="fgstp")
    watch = Watch()
    model, outcome = train(callbacks=[watch], epochs=2)

    assert (outcome.n_epochs, outcome.ended_by) == (2, "epochs")
    assert outcome.checkpoint == tmp_path / "run" / "best.ckpt"
    assert files_of(tmp_path / "run") == ["best.ckpt", "resume", "training.json"]

    found = [float(metrics["val_miou"]) for metrics in watch.metrics]
    assert outcome.epoch == 1 + int(np.argmax(found))
    assert outcome.scores["val_miou"] == pytest.approx(max(found))
    assert set(outcome.scores) == {"val_miou", "val_miou_gas", "val_iou"}
    assert {"train_loss_step", "val_iou"} <= set(watch.metrics[0])
    assert {"train_loss", "train_bce", "train_size"} <= set(watch.metrics[1])

    assert [row["epoch"] for row in outcome.history] == [1, 2]
    assert [row["learning_rate"] for row in outcome.history] == pytest.approx([1e-3, 1e-3])
    assert [row["val_miou"] for row in outcome.history] == found
    losses = [row["train_loss"] for row in outcome.history]
    assert losses == pytest.approx(
        [row["train_bce"] + row["train_size"] for row in outcome.history]
    )
    # One step an epoch: its loss is the mean.
    assert losses == pytest.approx([float(each["train_loss_step"]) for each in watch.metrics])
    assert losses[0] == float(watch.metrics[1]["train_loss_epoch"])
    names = [*("epoch", "learning_rate", "train_loss", "train_bce", "train_size"), *VAL]
    assert all(list(row) == names for row in outcome.history)
    json.dumps(outcome.history)

    kept = read_checkpoint(outcome.checkpoint)
    assert (kept.facts["epoch"], kept.facts["stage"]) == (outcome.epoch, 0)
    assert same(kept.weights, model.state_dict())
    record = json.loads((tmp_path / "run/training.json").read_text())
    assert record["epochs"] == outcome.history
    assert (record["seed"], record["ended_by"]) == (5, "epochs")

    said = [record.getMessage() for record in caplog.records]
    assert sum("GPU" in sentence for sentence in said) == 1


def test_the_steps_are_those_of_a_plain_loop(train, clips, tmp_path):
    settings = TrainSettings(
        **SMALL
        | {"epochs": 3, "steps_per_epoch": 2, "drop_every_epochs": 2, "gradient_clip": {"at": 0.01}}
    )
    train(**settings.model_dump(exclude_unset=True))

    model = tiny()
    prepare = partial(prepared, settings=settings.augmentation, size=(16, 16))
    samples = Samples(clips.store, clips.masked(), Windows((-1, 1)), prepare)
    order = SampleOrder(samples.n_targets_of_clips(), 2, seed=5)
    adam = torch.optim.Adam(model.network.parameters())
    torch.manual_seed(5)
    cut = 0
    for epoch, rate in enumerate((1e-3, 1e-4, 1e-4)):
        adam.param_groups[0]["lr"] = rate
        order.set_epoch(epoch)
        for _, key in zip(range(2), order, strict=False):
            loss, _ = model.training_step(collated([samples[key]]), 0.0)
            adam.zero_grad()
            loss.backward()
            for parameter in model.network.parameters():
                if parameter.grad is not None:
                    cut += int((parameter.grad.abs() > 0.01).sum())
                    parameter.grad.clamp_(-0.01, 0.01)
            adam.step()
    assert cut > 100
    found = last(tmp_path / "run")
    for name, expected in model.state_dict().items():
        weights = found[f"model.{name}"]
        torch.testing.assert_close(weights, expected, rtol=1e-5, atol=1e-6, msg=name)


def test_the_parts_of_a_step_add_up_to_the_step(train, clips, tmp_path):
    clips.add_blob(4, seed=7)  # 6 samples: the last step of an epoch has 2 instead of 4
    more = {"targets_per_step": 8, "steps_per_epoch": None, "epochs": 2}
    found = []
    for parts in (1, 2):
        model = tiny(Still, dropout=0.0)
        _, outcome = train(f"{parts}", model=model, accumulate_grad_batches=parts, **more)
        assert [row["epoch"] for row in outcome.history] == [1, 2]
        found.append((last(tmp_path / f"{parts}"), outcome.history))
    (weights, history), (others, other_history) = found
    for name, expected in weights.items():
        torch.testing.assert_close(others[name], expected, rtol=1e-3, atol=1e-4, msg=name)
    for one, two in zip(history, other_history, strict=True):
        assert two == pytest.approx(one, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_killed_run_goes_on_and_ends_with_the_same_weights(train, tmp_path, epoch):
    more = {"epochs": 3, "drop_every_epochs": 3}
    whole_watch, watches = Watch(), [Watch(epoch, kill), Watch()]
    _, expected = train("whole", [whole_watch], **more)
    with pytest.raises(SystemExit):
        train("cut", [watches[0]], **more)
    best = tmp_path / "cut" / "best.ckpt"
    assert best.exists()
    best.unlink()  # as DVC does before it runs a stage
    _, outcome = train("cut", [watches[1]], **more)

    assert watches[0].clips + watches[1].clips == whole_watch.clips
    assert same(last(tmp_path / "whole"), last(tmp_path / "cut"))
    assert outcome.scores == expected.scores
    assert outcome.history == expected.history
    assert [row["epoch"] for row in outcome.history] == [1, 2, 3]
    rates = [row["learning_rate"] for row in outcome.history]
    assert rates == pytest.approx([1e-3, 1e-3, 1e-4])
    assert (outcome.epoch, outcome.n_epochs) == (expected.epoch, 3)
    assert same(read_checkpoint(best).weights, read_checkpoint(expected.checkpoint).weights)


def test_the_best_epoch_before_a_kill_stays_the_best(train, tmp_path):
    scores = Scores(0.9, 0.5, 0.4)
    with pytest.raises(SystemExit):
        train(callbacks=[scores, Watch(1, kill)], epochs=3)
    best = tmp_path / "run" / "best.ckpt"
    best.write_bytes(b"what an unfinished epoch left")
    _, outcome = train(callbacks=[scores], epochs=3)
    assert (outcome.epoch, outcome.scores["val_miou"]) == (1, pytest.approx(0.9))
    assert same(read_checkpoint(best).weights, scores.weights[1])


def test_many_kills_in_the_middle_of_epochs_change_nothing(train, tmp_path):
    more = {"epochs": 4, "steps_per_epoch": 2, "drop_every_epochs": 2, "workers": 1}
    train("whole", **more)

    def kill_at_second_step(trainer, module):
        if trainer.fit_loop.epoch_loop.batch_idx == 1:
            kill()

    for epoch in (0, 1, 1, 2, 3):
        with pytest.raises(SystemExit):
            train("cut", [Watch(epoch, kill_at_second_step)], **more)
    _, outcome = train("cut", **more)
    assert outcome.n_epochs == 4
    assert same(last(tmp_path / "whole"), last(tmp_path / "cut"))


def test_seeds_decide_the_weights(train, tmp_path):
    for name, seed in [("a", 5), ("b", 5), ("c", 6)]:
        train(name, seed=seed, epochs=1)
    assert same(last(tmp_path / "a"), last(tmp_path / "b"))
    assert not same(last(tmp_path / "a"), last(tmp_path / "c"))


@pytest.mark.parametrize(
    ("changes", "network", "name"),
    [
        ({"gradient_clip": {"at": 0.4}}, {}, "train.gradient_clip"),
        ({}, {"height_px": 32}, "models.tiny.height_px"),
    ],
)
def test_with_other_settings_training_begins_anew_and_says_why(
    train, caplog, changes, network, name
):
    with pytest.raises(SystemExit):
        train(callbacks=[Watch(1, kill)])
    watch = Watch()
    train(callbacks=[watch], model=tiny(**network), epochs=2, **changes)
    assert len(watch.metrics) == 2
    assert f"begins anew because this changed: {name}." in caplog.text


@pytest.mark.parametrize("split", ["train", "validation"])
def test_with_clips_of_the_same_names_but_other_content_training_begins_anew(
    train, clips, caplog, split
):
    with pytest.raises(SystemExit):
        train(callbacks=[Watch(1, kill)])
    clips.change(clips.masked(split)[0].name, sha256="0" * 64)
    watch = Watch()
    train(callbacks=[watch], epochs=2)
    assert len(watch.metrics) == 2
    assert "because this changed: their frames and masks." in caplog.text


def test_more_epochs_continue_an_interrupted_training(train):
    with pytest.raises(SystemExit):
        train(callbacks=[Watch(1, kill)], epochs=2)
    watch = Watch()
    _, outcome = train(callbacks=[watch], epochs=3)
    assert (len(watch.metrics), outcome.n_epochs) == (2, 3)


def test_a_finished_training_is_recognised_and_more_epochs_continue_it(train, tmp_path, caplog):
    _, first = train("run", epochs=2)
    before = first.checkpoint.stat().st_mtime_ns
    watch = Watch()
    with caplog.at_level("INFO", logger="fgstp"):
        _, again = train("run", [watch], epochs=2)
    assert watch.metrics == []
    assert again == first
    assert first.checkpoint.stat().st_mtime_ns == before
    assert "finished already" in caplog.text

    first.checkpoint.unlink()  # as DVC does before it runs a stage
    _, again = train("run", [watch], epochs=2)
    assert (watch.metrics, again) == ([], first)
    assert again.checkpoint.is_file()

    _, whole = train("whole", epochs=4)
    _, longer = train("run", [watch], epochs=4)
    assert len(watch.metrics) == 2
    assert longer.history == whole.history
    assert same(last(tmp_path / "run"), last(tmp_path / "whole"))
    assert "begins anew" not in caplog.text
    _, shorter = train("run", epochs=1)
    assert shorter.n_epochs == 1
    assert "because this changed: train.epochs." in caplog.text


def test_other_code_makes_a_finished_training_begin_anew(train, monkeypatch, caplog):
    train(epochs=1)
    watch = Watch()
    monkeypatch.setattr("fgstp.training.stages.code_digest", lambda places: "another")
    train(callbacks=[watch], epochs=1)
    assert len(watch.metrics) == 1
    assert "because this changed: code." in caplog.text


def test_training_starts_from_a_checkpoint(train, tmp_path):
    _, first = train("first", epochs=1)
    start = {"start_from": first.checkpoint, "epochs": 1, "learning_rate": 1e-30}
    model, _ = train("second", **start)
    kept = read_checkpoint(first.checkpoint).weights
    for name, weights in model.named_parameters():
        torch.testing.assert_close(weights.data, kept[name], rtol=0, atol=1e-20)
    with pytest.raises(UserError, match="does not fit"):
        train("third", model=tiny(channels=8), **start)


def test_a_damaged_state_is_told(train, tmp_path):
    with pytest.raises(SystemExit):
        train(callbacks=[Watch(1, kill)])
    (tmp_path / "run" / "resume" / "0" / "state.ckpt").write_bytes(b"half a file")
    with pytest.raises(UserError, match=r"state\.ckpt"):
        train()


def test_the_best_epoch_is_kept_and_training_ends_when_nothing_gets_better(train, tmp_path):
    scores = Scores(0.2, 0.5, 0.4, 0.5, 0.9)
    _, outcome = train(callbacks=[scores], epochs=5, patience=2)
    assert (outcome.ended_by, outcome.n_epochs, outcome.epoch) == ("early stop", 4, 2)
    assert outcome.scores["val_miou"] == pytest.approx(0.5)
    kept = read_checkpoint(outcome.checkpoint).weights
    assert same(kept, scores.weights[2])
    assert not same(kept, scores.weights[4])


def test_a_time_limit_ends_an_epoch_early_and_the_run_goes_on_later(train, tmp_path, caplog):
    more = {"steps_per_epoch": 2, "epochs": 2}
    _, expected = train("whole", **more)
    watch = Watch()
    _, outcome = train("cut", [watch], time_limit_s=1e-3, **more)
    assert (outcome.ended_by, outcome.n_epochs) == ("time limit", 0)
    assert len(watch.clips) == len(watch.metrics) == 1  # one step, then validation
    assert outcome.checkpoint.exists()
    assert "time limit ended training after 0 of 2 epochs; it cannot resume" in caplog.text
    assert outcome.history == []
    _, outcome = train("cut", **more)
    assert outcome.n_epochs == 2
    assert outcome.scores == expected.scores
    assert outcome.history == expected.history
    assert same(last(tmp_path / "whole"), last(tmp_path / "cut"))


def test_a_time_limit_in_a_later_epoch_keeps_the_state_of_the_one_before(
    train, tmp_path, monkeypatch, caplog
):
    more = {"steps_per_epoch": 2, "epochs": 3}
    _, expected = train("whole", **more)

    class Late(TimeLimit):
        def on_train_batch_end(self, trainer, *_, **__):
            trainer.should_stop = trainer.current_epoch == 1

    monkeypatch.setattr("fgstp.training.job.TimeLimit", Late)
    _, outcome = train("cut", time_limit_s=9, **more)
    assert (outcome.ended_by, outcome.n_epochs) == ("time limit", 1)
    assert "ended training after 1 of 3 epochs; the next run continues" in caplog.text
    monkeypatch.undo()
    _, outcome = train("cut", **more)
    assert (outcome.scores, outcome.epoch) == (expected.scores, expected.epoch)
    assert same(last(tmp_path / "whole"), last(tmp_path / "cut"))


def test_a_loss_that_is_not_finite_ends_training_and_keeps_the_last_good_checkpoint(
    train, tmp_path
):
    with pytest.raises(UserError, match=r"nan in epoch 2, on the clips V_000[01];") as error:
        train(callbacks=[Watch(1, spoil)])
    assert "kept" in str(error.value)
    weights = read_checkpoint(tmp_path / "run" / "best.ckpt").weights
    assert all(torch.isfinite(tensor).all() for tensor in weights.values())
    assert read_checkpoint(tmp_path / "run" / "best.ckpt").facts["epoch"] == 1


def test_a_model_that_may_diverge_counts_as_failed_and_the_command_goes_on(train, tmp_path, caplog):
    class Diverging(TinyModel):
        info = ModelInfo("tiny", TinyModel, "Tiny", may_diverge=True)

    _, outcome = train(model=tiny(Diverging), callbacks=[Watch(1, spoil)])
    assert (outcome.ended_by, outcome.epoch, outcome.n_epochs) == ("divergence", 1, 1)
    assert "became nan in epoch 2" in caplog.text
    assert "The training counts as failed." in caplog.text
    assert read_checkpoint(outcome.checkpoint).facts["epoch"] == 1


def test_without_a_finished_epoch_no_divergence_is_a_result(train):
    model = tiny()
    model.may_diverge = True
    with pytest.raises(UserError, match="became nan in epoch 1"):
        train(model=model, callbacks=[Watch(0, spoil)])


def test_memory_that_runs_out_says_which_settings_to_lower(train):
    model = tiny()

    def training_step(_batch, _progress):
        raise torch.OutOfMemoryError("CUDA out of memory")

    model.training_step = training_step
    with pytest.raises(UserError) as error:
        train(model=model)
    for setting in (
        "train.accumulate_grad_batches",
        "train.targets_per_step",
        "train.window_targets",
        "height_px and width_px of models.tiny",
        "encoder",
    ):
        assert setting in str(error.value)


def test_footage_annotated_every_fifth_frame_trains(sparse, tmp_path, caplog):
    for seed, split in enumerate(("train", "train", "validation")):
        sparse.add_blob(21, split, seed=seed)
    settings = TrainSettings(**SMALL | {"epochs": 2, "steps_per_epoch": None})
    with caplog.at_level("INFO", logger="fgstp"):
        outcome = fit(tiny(), sparse.table, sparse.store, tmp_path, settings, seed=1)
    assert outcome.ended_by == "epochs"
    assert "4 samples of 2 targets" in caplog.text
    assert "48 of the 63 frames of these clips have no mask" in caplog.text


def test_clips_of_validation_must_be_there(clips, tmp_path):
    clips.add_blob(4)
    with pytest.raises(UserError, match=r"split validation; raise ingest\.validation\.fraction"):
        fit(tiny(), clips.table, clips.store, tmp_path, TrainSettings(), seed=1)


def test_a_folder_that_cannot_be_written_is_told(train, tmp_path):
    (tmp_path / "run").write_text("a file")
    with pytest.raises(UserError, match="Cannot write"):
        train(epochs=1)
