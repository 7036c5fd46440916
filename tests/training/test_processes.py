"""Training in several processes on the CPU. Starting them takes long: all but a few are slow."""

import json
import logging
import os
import pickle
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import tiny_model
import torch
import yaml
from tiny_model import last, same
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

from fgstp.core.errors import UserError
from fgstp.models.base import Model
from fgstp.models.registry import create_model, model_infos
from fgstp.training.data import SampleOrder, collated
from fgstp.training.processes import quiet
from fgstp.training.validation import overlap, validation_scores

TWO = {"window_targets": 2, "targets_per_step": 4, "accelerator": "cpu", "devices": 2}

pytestmark = pytest.mark.slow


@pytest.fixture
def train(clips, run):
    """Trains a new model on four small clips, in two processes."""
    for seed, split in enumerate(["train"] * 4 + ["validation"] * 3):
        clips.add_blob(4, split, seed=seed)

    def train(name="run", callbacks=(), model=None, **changes):
        model = model or tiny_model.tiny()
        return model, run(model, name, callbacks, **TWO | {"steps_per_epoch": None} | changes)

    return train


def notes(folder, what):
    """What each process noted, by rank."""
    return [
        [json.loads(line) for line in (folder / f"{what}-{rank}.txt").read_text().splitlines()]
        for rank in (0, 1)
    ]


def test_two_processes_do_what_one_would(train, clips, tmp_path):
    model = tiny_model.tiny(tiny_model.Noting, dropout=0.0)
    model.notes = tmp_path
    _, outcome = train(
        model=model,
        callbacks=[tiny_model.Gradients(tmp_path)],
        epochs=2,
        gradient_clip={"by": "none"},
        augmentation={"enabled": False},
    )

    # The gradient of the first step is that of its two windows together.
    samples = clips.samples(model.sampling, (16, 16))
    keys = list(SampleOrder(samples.n_targets_of_clips(), 2, seed=5))
    reference = tiny_model.tiny(tiny_model.Still, dropout=0.0)
    batch = collated([samples[key] for key in keys[:2]])
    reference.training_step(batch, 0.0)[0].backward()
    gradients = torch.load(tmp_path / "gradients.pt")
    for name, parameter in reference.network.named_parameters():
        largest = float(parameter.grad.abs().max())
        torch.testing.assert_close(
            gradients[name], parameter.grad, rtol=1e-3, atol=1e-4 * largest, msg=name
        )

    # Each window of the first epoch is seen once, by one of them.
    frames = [samples[key].frames.sum() for key in keys]
    seen = [value for rank in notes(tmp_path, "frames") for step in rank[:4] for value in step]
    assert sorted(seen) == pytest.approx(sorted(map(float, frames)), rel=1e-4)
    assert len(keys) == 8

    # Both validate the same network, each its share; the first alone calls callbacks.
    one, two = notes(tmp_path, "validated")
    assert len(one) == len(two) == 4
    assert [weights for _, weights in one] == [weights for _, weights in two]
    assert one[0][1] != one[2][1]
    assert [path.name for path in tmp_path.glob("called-*")] == ["called-0"]

    # What comes back is the best network.
    assert one[2 * outcome.epoch - 1][1] == tiny_model.digest(model.network)
    assert [row["epoch"] for row in outcome.history] == [1, 2]

    # The scores are those of all clips in one process.
    data = [clip.read(clips.store) for clip in clips.masked("validation")]
    found = np.stack([model.predict(each.frames) > 0.5 for each in data])
    masks = np.stack([each.masks() > 0 for each in data])
    # All frames but the second, which is the first with gas.
    scored = (np.delete(each, 1, axis=1).reshape(-1, 24, 32) for each in (found, masks))
    scores = validation_scores(overlap(*scored))
    assert outcome.scores == {name: np.float32(score) for name, score in scores.items()}


def test_a_killed_run_goes_on_and_ends_with_the_same_weights(train, tmp_path, caplog):
    _, expected = train("whole", epochs=2)
    with pytest.raises(ChildFailedError, match="exitcode  : 9"):
        train("cut", [tiny_model.At(1, tiny_model.kill)], epochs=2)
    (tmp_path / "cut" / "best.ckpt").unlink()
    shutil.copytree(tmp_path / "cut", tmp_path / "alone")
    _, outcome = train("cut", epochs=2)
    assert same(last(tmp_path / "whole"), last(tmp_path / "cut"))
    assert outcome.history == expected.history
    assert (outcome.epoch, outcome.scores) == (expected.epoch, expected.scores)
    _, outcome = train("alone", epochs=2, devices=1)  # one process finishes it too
    assert [row["epoch"] for row in outcome.history] == [1, 2]
    assert "begins anew" not in caplog.text


def test_a_mistake_of_the_user_arrives_as_the_same_sentence(train, capfd, caplog):
    with pytest.raises(UserError, match=r"^The loss became nan in epoch 1, on the clips V_000"):
        train(callbacks=[tiny_model.At(0, tiny_model.spoil)])
    assert "Traceback" not in capfd.readouterr().err
    assert "Traceback" not in caplog.text


def test_another_error_arrives_with_its_traceback(train):
    with pytest.raises(ChildFailedError, match=r"in fail\n.*\n *KeyError: 'a mistake of the pro"):
        train(callbacks=[tiny_model.At(0, tiny_model.fail)])


def test_a_time_limit_ends_all_and_the_run_goes_on_later(train):
    _, outcome = train(epochs=1, time_limit_s=1e-3)
    assert (outcome.ended_by, outcome.n_epochs, outcome.history) == ("time limit", 0, [])
    _, outcome = train(epochs=1, devices=1)
    assert (outcome.ended_by, outcome.n_epochs) == ("epochs", 1)


def children_of(pid):
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes as Linux shows them")
def test_a_signal_ends_all_processes_and_does_then_what_it_always_does(command, tmp_path):
    waiting = tmp_path / "waiting"
    with subprocess.Popen(
        command("[tiny_model.At(0, tiny_model.wait)]"),
        env=os.environ | {"WAITING": str(waiting)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        give_up = time.monotonic() + 300
        while not waiting.exists() and process.poll() is None and time.monotonic() < give_up:
            time.sleep(0.2)
        children = children_of(process.pid)
        process.send_signal(signal.SIGTERM)
        told, _ = process.communicate(timeout=25)  # the launcher kills after 30 s
    assert process.returncode == 77
    assert told == "stopped by 15\n"
    assert len(children) >= 2
    give_up = time.monotonic() + 20
    while children and time.monotonic() < give_up:
        children = [child for child in children if Path(f"/proc/{child}").exists()]
    assert not children


def test_other_packages_are_quiet_for_a_while():
    its_logger = logging.getLogger("lightning.pytorch")
    with pytest.raises(KeyError), quiet("lightning"):
        assert not its_logger.isEnabledFor(logging.CRITICAL)
        raise KeyError
    assert its_logger.isEnabledFor(logging.CRITICAL)


def test_all_models_with_a_network_can_be_sent(repository):
    text = (repository / "conf/test/parameters_models.yml").read_text("utf-8")
    tiny = yaml.safe_load(text)["models"]
    for info in model_infos():
        if issubclass(info.model, Model):
            model = create_model(info.name, tiny[info.name])
            copy = pickle.loads(pickle.dumps(model))
            assert same(copy.network.state_dict(), model.network.state_dict())
