"""A tiny model, and what tests of several processes send to them by the name of this file."""

import hashlib
import json
import os
import time
from pathlib import Path

import numpy as np
import torch
from lightning.pytorch import Callback
from torch import nn
from torch.nn import functional

from fgstp.models.base import Model
from fgstp.models.sampling import Windows
from fgstp.models.session import NO_PROMPT, Prediction
from fgstp.models.settings import NetworkSettings


class TinySettings(NetworkSettings):
    height_px: int = 16
    width_px: int = 16
    dropout: float = 0.3
    channels: int = 4


class TinyNetwork(nn.Module):
    """Two convolutions of a target and its two neighbours, with what makes resuming hard."""

    def __init__(self, settings):
        super().__init__()
        self.first = nn.Conv2d(3, settings.channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(settings.channels)
        self.dropout = nn.Dropout(settings.dropout)
        self.last = nn.Conv2d(settings.channels, 1, 3, padding=1)

    def forward(self, triples):
        return self.last(self.dropout(self.norm(self.first(triples)).relu()))


class TinyModel(Model[TinySettings]):
    settings_class = TinySettings
    name = "tiny"
    sampling = Windows((-1, 1))

    def _build(self):
        self.network = TinyNetwork(self.settings)

    def training_step(self, batch, progress):
        frames, masks, triples = batch.flat()
        logits = self.network(frames[triples].squeeze(2))
        bce = functional.binary_cross_entropy_with_logits(logits, (masks > 0.5).float())
        size = logits.sigmoid().mean()
        return bce + size, {"bce": bce.detach(), "size": size.detach()}

    def predictions(self, frames, fps_hz=15.0, prompt=NO_PROMPT, n_context=0):
        with self.evaluating():
            maps = self._maps(frames)
        every = [Prediction(n, n / fps_hz, each, float(each.max())) for n, each in enumerate(maps)]
        return every[n_context:]

    def _maps(self, frames):
        numbers = np.add.outer(np.arange(len(frames)), (0, -1, 1)).clip(0, len(frames) - 1)
        triples = torch.from_numpy(np.asarray(frames)[numbers]).float() / 255
        return self.network(triples).sigmoid().squeeze(1).numpy()


class Still(TinyModel):
    """Batch normalisation keeps its statistics, as if there were none."""

    def training_step(self, batch, progress):
        self.network.norm.eval()
        return super().training_step(batch, progress)


class Noting(Still):
    """Notes in a folder what each process does."""

    notes: Path

    def training_step(self, batch, progress):
        self._note("frames", [float(window.sum()) for window in batch.frames])
        return super().training_step(batch, progress)

    def _maps(self, frames):
        self._note("validated", [int(frames.astype(int).sum()), digest(self.network)])
        return super()._maps(frames)

    def _note(self, what, values):
        with (self.notes / f"{what}-{os.environ.get('RANK')}.txt").open("a") as stream:
            stream.write(json.dumps(values) + "\n")


def tiny(kind=TinyModel, seed=3, **settings):
    """A new tiny model, the same each time."""
    torch.manual_seed(seed)
    return kind(TinySettings(**settings))


def same(one, two):
    """Whether two state dicts are equal, bit by bit."""
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def last(folder):
    """The weights, their average and the state of the optimiser after the last epoch."""
    state = torch.load(folder / "resume/0/state.ckpt", weights_only=True)
    moments = {
        f"{number} {name}": value
        for number, each in state["optimizer_states"][0]["state"].items()
        for name, value in each.items()
    }
    trained = state.get("current_model_state", {})
    return state["state_dict"] | moments | {f"trained {name}": w for name, w in trained.items()}


def digest(network):
    total = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        total.update(name.encode() + tensor.numpy().tobytes())
    return total.hexdigest()


class Gradients(Callback):
    """Keeps the gradients of the first step, and notes who calls it."""

    def __init__(self, folder):
        self.folder = folder

    def on_train_start(self, trainer, pl_module):
        (self.folder / f"called-{trainer.global_rank}").touch()

    def on_before_optimizer_step(self, trainer, pl_module, optimizer):
        if trainer.global_step == 0:
            named = pl_module.model.network.named_parameters()
            torch.save({name: each.grad for name, each in named}, self.folder / "gradients.pt")


class At(Callback):
    """Does something when an epoch begins."""

    def __init__(self, epoch, action):
        self.epoch, self.action = epoch, action

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.current_epoch == self.epoch:
            self.action(trainer, pl_module)


def kill(*_):
    os._exit(9)


def fail(*_):
    raise KeyError("a mistake of the programmer")


def spoil(_, module):
    torch.nn.init.constant_(module.model.network.last.bias, torch.nan)


def wait(*_):
    Path(os.environ["WAITING"]).touch()
    time.sleep(600)


def wait_at_gate(*_):
    """Make a file, and go on when somebody has removed it; once in a training."""
    gate = Path(os.environ["GATE"])
    if not gate.with_suffix(".passed").exists():
        gate.touch()
        while gate.exists():
            time.sleep(0.05)
        gate.with_suffix(".passed").touch()
