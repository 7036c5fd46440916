"""What the tests of several processes send to them; imported there by this file's name."""

import hashlib
import json
import os
import time
from pathlib import Path

import torch
from lightning.pytorch import Callback
from torch import nn

from fgstp.models.fgstp.model import FgstpModel


def digest(network):
    total = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        total.update(name.encode() + tensor.numpy().tobytes())
    return total.hexdigest()


class Noting(FgstpModel):
    """Notes in a folder what each process does; batch normalisation stays as it is.

    Without that, each process would normalise by its own windows.
    """

    notes: Path

    def training_step(self, batch, progress):
        for module in self.network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        self._note("frames", [float(window.sum()) for window in batch.frames])
        return super().training_step(batch, progress)

    def predict_clip(self, frames, first_mask=None):
        self._note("validated", [int(frames.astype(int).sum()), digest(self.network)])
        return super().predict_clip(frames, first_mask)

    def _note(self, what, values):
        with (self.notes / f"{what}-{os.environ.get('RANK')}.txt").open("a") as stream:
            stream.write(json.dumps(values) + "\n")


class Gradients(Callback):
    """Keeps the gradients of the first step, and notes who calls it."""

    def __init__(self, folder):
        self.folder = folder

    def on_train_start(self, trainer, pl_module):
        (self.folder / f"called-{trainer.global_rank}").touch()

    def on_before_optimizer_step(self, trainer, pl_module, optimizer):
        if trainer.global_step == 0:
            named = pl_module.network.named_parameters()
            torch.save({name: each.grad for name, each in named}, self.folder / "gradients.pt")


class At(Callback):
    """Does something when an epoch begins."""

    def __init__(self, epoch, action):
        self.epoch, self.action = epoch, action

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.current_epoch == self.epoch:
            self.action(pl_module)


def kill(_):
    os._exit(9)


def fail(_):
    raise KeyError("a mistake of the programmer")


def spoil(module):
    with torch.no_grad():
        module.model.network.fusion[2].bias.fill_(torch.nan)


def wait(_):
    Path(os.environ["WAITING"]).touch()
    time.sleep(600)
