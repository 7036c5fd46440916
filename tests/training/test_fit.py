"""Training in one process: its result, its steps, and how it continues."""

import json
import logging
import shutil

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback
from tiny_model import At, Still, TinyModel, last, same, spoil, tiny

import fgstp
from fgstp.core.errors import UserError
from fgstp.core.lock import locked
from fgstp.models.checkpoint import read_checkpoint
from fgstp.models.registry import ModelInfo
from fgstp.models.settings import OptimisationSettings
from fgstp.training.callbacks import TimeLimit
from fgstp.training.data import SampleOrder, collated
from fgstp.training.fit import check_devices, lightning_precision
from fgstp.training.settings import AugmentationSettings


@pytest.fixture
def train(small, run):
    """Trains a new model on two small clips."""

    def train(name="run", callbacks=(), model=None, **changes):
        model = model or tiny()
        return model, run(model, name, callbacks, **changes)

    return train


@pytest.fixture
def interrupted(train):
    """Trains as `train` does, and is killed when an epoch begins, by default the second."""

    def run(callbacks=(), epoch=1, **changes):
        with pytest.raises(SystemExit):
            train(callbacks=[*callbacks, At(epoch, kill)], **changes)

    return run


class Averaged(TinyModel):
    """Its weights are averaged; the decay is reached in the fourth step."""

    optimisation = OptimisationSettings(ema_decay=0.35)


def copied(module):
    return {name: weights.clone() for name, weights in module.model.state_dict().items()}


class Watch(Callback):
    """Notes what is seen."""

    def __init__(self):
        self.metrics, self.clips, self.weights = [], [], []

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        self.clips.append(batch.clips)

    def on_train_batch_end(self, trainer, pl_module, *_):
        self.weights.append(copied(pl_module))

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

    def on_validation_end(self, trainer, pl_module):
        self.weights[trainer.current_epoch + 1] = copied(pl_module)


def kill(*_):
    raise SystemExit(143)


def test_training_gives_the_best_checkpoint_and_live_figures(train, tmp_path, caplog):
    caplog.set_level(logging.INFO, logger="fgstp")
    watch = Watch()
    model, outcome = train(callbacks=[watch], epochs=2)

    assert (outcome.n_epochs, outcome.ended_by) == (2, "epochs")
    assert outcome.checkpoint == tmp_path / "run" / "best.ckpt"
    files = {path.name for path in (tmp_path / "run").iterdir()}
    assert files == {"best.ckpt", "resume", "training.json"}

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
    parts = [row["train_bce"] + row["train_size"] for row in outcome.history]
    assert losses == pytest.approx(parts)
    # One step an epoch: its loss is the mean.
    assert losses == pytest.approx([float(each["train_loss_step"]) for each in watch.metrics])
    assert losses[0] == float(watch.metrics[1]["train_loss_epoch"])
    names = "epoch learning_rate train_loss train_bce train_size val_iou val_miou val_miou_gas"
    assert all(list(row) == names.split() for row in outcome.history)
    json.dumps(outcome.history)

    kept = read_checkpoint(outcome.checkpoint)
    assert (kept.facts["epoch"], kept.facts["stage"]) == (outcome.epoch, 0)
    assert 0 < kept.facts["frame_threshold"] == model.frame_threshold < 1
    assert same(kept.weights, model.state_dict())
    record = json.loads((tmp_path / "run/training.json").read_text())
    assert record["epochs"] == outcome.history
    assert (record["seed"], record["ended_by"]) == (5, "epochs")

    said = [record.getMessage() for record in caplog.records]
    assert sum("GPU" in sentence for sentence in said) == 1


def test_the_steps_are_those_of_a_plain_loop(train, clips, tmp_path):
    train(steps_per_epoch=2, drop_every_epochs=2, gradient_clip={"at": 0.01})

    model = tiny()
    samples = clips.samples(TinyModel.sampling, (16, 16), AugmentationSettings())
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


@pytest.mark.parametrize(
    # Windows of 2 frames: 6 or 11 in all. The last step of an epoch has fewer, in parts of
    # (2), or (3, 2), than the steps before.
    ("frames", "targets_per_step"),
    [(4, 8), (14, 12)],
)
def test_the_parts_of_a_step_add_up_to_the_step(train, clips, tmp_path, frames, targets_per_step):
    clips.add_blob(frames, seed=7)
    found = []
    for parts in (1, 2):
        _, outcome = train(
            f"{parts}",
            model=tiny(Still, dropout=0.0),
            accumulate_grad_batches=parts,
            targets_per_step=targets_per_step,
            steps_per_epoch=None,
            epochs=2,
        )
        found.append((last(tmp_path / f"{parts}"), outcome.history))
    (weights, history), (others, other_history) = found
    for name, expected in weights.items():
        torch.testing.assert_close(others[name], expected, rtol=1e-3, atol=1e-4, msg=name)
    assert [row["epoch"] for row in history] == [1, 2]
    for one, two in zip(history, other_history, strict=True):
        assert two == pytest.approx(one, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("kind", [TinyModel, Averaged])
def test_many_kills_in_the_middle_of_epochs_change_nothing(train, tmp_path, kind):
    more = {"epochs": 4, "steps_per_epoch": 2, "drop_every_epochs": 2, "workers": 1}
    _, expected = train("whole", model=tiny(kind), **more)
    best = tmp_path / "cut" / "best.ckpt"

    def kill_at_second_step(trainer, module):
        if trainer.fit_loop.epoch_loop.batch_idx == 1:
            kill()

    for epoch in (0, 1, 1, 2, 3):
        with pytest.raises(SystemExit):
            train("cut", [At(epoch, kill_at_second_step)], tiny(kind), **more)
        best.unlink(missing_ok=True)  # as DVC does before it runs a stage
    _, outcome = train("cut", model=tiny(kind), **more)
    assert same(last(tmp_path / "whole"), last(tmp_path / "cut"))
    assert outcome.scores == expected.scores
    assert outcome.history == expected.history
    assert [row["epoch"] for row in outcome.history] == [1, 2, 3, 4]
    rates = [row["learning_rate"] for row in outcome.history]
    assert rates == pytest.approx([1e-3, 1e-4, 1e-4, 1e-5])
    assert (outcome.epoch, outcome.n_epochs) == (expected.epoch, 4)
    assert same(read_checkpoint(best).weights, read_checkpoint(expected.checkpoint).weights)


def test_the_average_of_the_formula_is_validated_and_kept(train):
    scores, watch, model = Scores(0.1, 0.2, 0.3), Watch(), tiny(Averaged)
    average = {name: weights.clone() for name, weights in model.state_dict().items()}
    _, outcome = train(callbacks=[scores, watch], model=model, steps_per_epoch=2)
    for n, weights in enumerate(watch.weights, start=1):
        d = min(0.35, (1 + n) / (10 + n))
        average = {
            name: d * average[name] + (1 - d) * now if now.is_floating_point() else now
            for name, now in weights.items()
        }
    assert len(watch.weights) == 6
    kept = read_checkpoint(outcome.checkpoint).weights
    torch.testing.assert_close(kept, average)
    assert same(kept, scores.weights[3])
    assert not same(kept, watch.weights[-1])


def test_the_best_epoch_before_a_kill_stays_the_best(train, interrupted, tmp_path):
    scores = Scores(0.9, 0.5, 0.4)
    interrupted(callbacks=[scores])
    best = tmp_path / "run" / "best.ckpt"
    best.write_bytes(b"what an unfinished epoch left")
    _, outcome = train(callbacks=[scores])
    assert (outcome.epoch, outcome.scores["val_miou"]) == (1, pytest.approx(0.9))
    assert same(read_checkpoint(best).weights, scores.weights[1])


def test_seeds_decide_the_weights(train, tmp_path):
    for name, seed in [("a", 5), ("b", 5), ("c", 6)]:
        train(name, seed=seed, epochs=1)
    assert same(last(tmp_path / "a"), last(tmp_path / "b"))
    assert not same(last(tmp_path / "a"), last(tmp_path / "c"))


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"gradient_clip": {"at": 0.4}}, "train.gradient_clip"),
        ({"model": {"height_px": 32}}, "models.tiny.height_px"),
        ({"content": "train"}, "their frames and masks"),
        ({"content": "validation"}, "their frames and masks"),
    ],
)
def test_when_something_else_changed_training_begins_anew_and_says_why(
    train, interrupted, clips, caplog, changes, name
):
    interrupted()
    if split := changes.pop("content", None):
        clips.rows[clips.masked(split)[0].name]["content_hash"] = "0" * 32
    watch, model = Watch(), tiny(**changes.pop("model", {}))
    train(callbacks=[watch], model=model, epochs=2, **changes)
    assert len(watch.metrics) == 2
    assert f"begins anew because this changed: {name}." in caplog.text


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
    run, whole = (tmp_path / name / "resume/0/state.ckpt" for name in ("run", "whole"))
    assert run.read_bytes() == whole.read_bytes()
    assert "begins anew" not in caplog.text
    _, shorter = train("run", epochs=1)
    assert shorter.n_epochs == 1
    assert "because this changed: train.epochs." in caplog.text


def test_fewer_epochs_than_are_finished_are_refused_and_nothing_is_lost(
    train, interrupted, tmp_path
):
    interrupted(epoch=3, epochs=6)
    for epochs in (1, 2):
        with pytest.raises(UserError) as caught:
            train(epochs=epochs)
        sentence = str(caught.value)
        assert f"finished 3 epochs already, and train.epochs is {epochs}; set it to 3" in sentence
        assert f"or remove {tmp_path}/run/resume to begin anew." in sentence
    watch = Watch()
    _, outcome = train(callbacks=[watch], epochs=3)
    assert (watch.metrics, outcome.n_epochs, outcome.ended_by) == ([], 3, "epochs")
    interrupted(epoch=5, epochs=6)  # a finished one that went on
    with pytest.raises(UserError, match=r"finished 5 epochs already, and train\.epochs is 3;"):
        train(epochs=3)


def test_a_state_of_another_network_is_refused(train, interrupted, monkeypatch):
    interrupted()
    build = TinyModel._build

    def with_a_layer_more(model):
        build(model)
        model.network.more = torch.nn.Linear(2, 2)

    monkeypatch.setattr(TinyModel, "_build", with_a_layer_more)
    with pytest.raises(UserError, match=r"state.ckpt does not fit tiny: 2 tensors .* begin anew"):
        train()


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
    with pytest.raises(UserError, match="which this training writes over; copy it"):
        train("first", **start)


def halve(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("name", ["state.ckpt", "best.ckpt"])
@pytest.mark.parametrize(
    "spoil",
    [
        halve,
        lambda path: path.write_bytes(b""),
        lambda path: torch.save({"fgstp": {"rows": []}}, path),
        lambda path: torch.save([1, 2], path),
        lambda path: path.rename(path.with_suffix(".old")),
    ],
)
def test_a_damaged_state_is_refused_with_the_folder_to_remove(
    train, interrupted, tmp_path, name, spoil
):
    interrupted()
    resume = tmp_path / "run" / "resume"
    spoil(resume / "0" / name)
    if not (resume / "0" / "state.ckpt").exists():
        train(epochs=1)  # there is nothing to continue from
        return
    with pytest.raises(UserError, match=f"remove {resume} to begin anew"):
        train()
    shutil.rmtree(resume)
    train(epochs=1)


def test_the_best_epoch_is_kept_and_training_ends_when_nothing_gets_better(train, tmp_path):
    scores = Scores(0.2, 0.5, 0.4, 0.5, 0.9)
    _, outcome = train(callbacks=[scores], epochs=5, patience=2)
    assert (outcome.ended_by, outcome.n_epochs, outcome.epoch) == ("early stop", 4, 2)
    assert outcome.scores["val_miou"] == pytest.approx(0.5)
    kept = read_checkpoint(outcome.checkpoint).weights
    assert same(kept, scores.weights[2])
    assert not same(kept, scores.weights[4])


class Late(TimeLimit):
    def on_train_batch_end(self, trainer, *_, **__):
        trainer.should_stop = trainer.current_epoch == 1


@pytest.mark.parametrize("n_finished", [0, 1])
def test_a_time_limit_ends_an_epoch_early_and_the_run_goes_on_later(
    train, tmp_path, monkeypatch, caplog, n_finished
):
    more = {"steps_per_epoch": 2, "epochs": 2}
    _, expected = train("whole", **more)
    watch = Watch()
    if n_finished:
        monkeypatch.setattr("fgstp.training.job.TimeLimit", Late)
    _, outcome = train("cut", [watch], time_limit_s=9 if n_finished else 1e-3, **more)
    assert (outcome.ended_by, outcome.n_epochs) == ("time limit", n_finished)
    # One step of the epoch that is cut short, then validation.
    assert (len(watch.clips), len(watch.metrics)) == (2 * n_finished + 1, n_finished + 1)
    assert outcome.checkpoint.exists()
    then = "the next run continues" if n_finished else "it cannot resume"
    assert f"time limit ended training after {n_finished} of 2 epochs; {then}" in caplog.text
    monkeypatch.undo()
    _, outcome = train("cut", **more)
    assert (outcome.scores, outcome.epoch) == (expected.scores, expected.epoch)
    assert outcome.history == expected.history
    assert same(last(tmp_path / "whole"), last(tmp_path / "cut"))


def test_a_loss_that_is_not_finite_ends_training_and_keeps_the_last_good_checkpoint(
    train, tmp_path
):
    with pytest.raises(UserError, match=r"nan in epoch 2, on the clips V_000[01];.* is kept"):
        train(callbacks=[At(1, spoil)])
    kept = read_checkpoint(tmp_path / "run" / "best.ckpt")
    assert all(torch.isfinite(tensor).all() for tensor in kept.weights.values())
    assert kept.facts["epoch"] == 1


def test_a_model_that_may_diverge_counts_as_failed_and_the_command_goes_on(train, caplog):
    class Diverging(TinyModel):
        info = ModelInfo("tiny", TinyModel, "Tiny", may_diverge=True)

    _, outcome = train(model=tiny(Diverging), callbacks=[At(1, spoil)])
    assert (outcome.ended_by, outcome.epoch, outcome.n_epochs) == ("divergence", 1, 1)
    assert "became nan in epoch 2" in caplog.text
    assert "The training counts as failed." in caplog.text
    assert read_checkpoint(outcome.checkpoint).facts["epoch"] == 1
    with pytest.raises(UserError, match="became nan in epoch 1"):  # nothing to keep
        train("first", model=tiny(Diverging), callbacks=[At(0, spoil)])


def test_memory_that_runs_out_says_which_settings_to_lower(train, monkeypatch):
    def training_step(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(TinyModel, "training_step", training_step)
    with pytest.raises(UserError) as error:
        train()
    settings = ("accumulate_grad_batches", "targets_per_step", "window_targets")
    for setting in (*(f"train.{name}" for name in settings), "width_px of models.tiny", "encoder"):
        assert setting in str(error.value)


def test_footage_annotated_every_fifth_frame_trains(sparse, run, caplog):
    for seed, split in enumerate(("train", "train", "validation")):
        sparse.add_blob(21, split, seed=seed)
    with caplog.at_level("INFO", logger="fgstp"):
        assert run(tiny(), steps_per_epoch=None).ended_by == "epochs"
    assert "4 samples of 2 targets" in caplog.text
    assert "48 of the 63 frames of these clips have no mask" in caplog.text


def test_a_folder_that_cannot_be_written_is_told(train, tmp_path):
    (tmp_path / "run").write_text("a file")
    with pytest.raises(UserError, match="Cannot write"):
        train(epochs=1)


@pytest.mark.parametrize(
    ("settings", "fact"),
    [({"epoch": 1}, "epoch"), ({"epochs": 0}, "epochs is 0"), ({"seeds": 2}, "each seed")],
)
def test_wrong_settings_are_refused(tmp_path, settings, fact):
    with pytest.raises(UserError, match=fact):
        fgstp.train("fgstp", tmp_path, tmp_path / "out", **settings)


def test_from_python_a_folder_of_ingest_is_enough(train, small, tmp_path):
    with pytest.raises(UserError, match="03_primary"):
        fgstp.train("fgstp", tmp_path, tmp_path / "out")
    primary, model = small.store.folder.parent, tiny()
    small.table.to_csv(primary / "clips.csv", index=False)
    settings = {"window_targets": 2, "targets_per_step": 2, "steps_per_epoch": 1, "epochs": 1}
    outcome = fgstp.train(model, primary, str(tmp_path / "one"), seed=5, **settings)
    _, expected = train(epochs=1, learning_rate=1e-4)
    assert outcome.history == expected.history
    assert outcome.checkpoint == tmp_path / "one/best.ckpt"
    assert same(read_checkpoint(outcome.checkpoint).weights, model.state_dict())
    with locked(tmp_path / "one"), pytest.raises(UserError, match="one is being written by proc"):
        fgstp.train(tiny(), primary, str(tmp_path / "one"), seed=5, **settings)


def test_half_precision_is_for_gpus_that_support_it(monkeypatch, caplog):
    supported = [True]
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: supported[0])
    assert lightning_precision("auto", cuda=True) == "bf16-mixed"
    assert lightning_precision("auto", cuda=False) == "32-true"
    assert lightning_precision("32", cuda=True) == "32-true"
    assert lightning_precision("bf16", cuda=False) == "bf16-mixed"
    supported[0] = False
    with caplog.at_level("INFO", logger="fgstp"):
        assert lightning_precision("auto", cuda=True) == "32-true"
    assert "does not support bf16" in caplog.text
    with pytest.raises(UserError, match=r"train\.precision is bf16"):
        lightning_precision("bf16", cuda=True)


def test_there_must_be_as_many_gpus_as_devices(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    check_devices(2, cuda=True)
    check_devices(3, cuda=False)
    with pytest.raises(UserError, match=r"train\.devices is 3, but torch finds 2 CUDA devices"):
        check_devices(3, cuda=True)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"RANK": "abc", "WORLD_SIZE": "2"}, "RANK is 'abc'"),
        ({"RANK": "-1", "WORLD_SIZE": "2"}, "RANK is '-1'"),
        ({"RANK": "0", "WORLD_SIZE": "0"}, "WORLD_SIZE is '0'.* at least 1"),
        ({"RANK": "2", "WORLD_SIZE": "2"}, "RANK is 2, but WORLD_SIZE is 2"),
        ({"RANK": "0", "WORLD_SIZE": "1", "LOCAL_WORLD_SIZE": "0"}, "LOCAL_WORLD_SIZE is '0'"),
        ({"RANK": "0", "WORLD_SIZE": "2"}, "do not meet .*MASTER_ADDR expected"),
    ],
)
def test_what_a_launcher_sets_wrong_is_told(train, monkeypatch, environment, words):
    for name in ("MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=words):
        train(targets_per_step=4)


def test_a_machine_to_meet_at_must_be_known(train):
    with pytest.raises(UserError, match=r"do not meet at host\.invalid:1; see that train\.rend"):
        train(nodes=2, rendezvous="host.invalid:1", targets_per_step=4)
