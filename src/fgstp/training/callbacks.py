"""What is kept during training, and what ends it."""

import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import TQDMProgressBar

from fgstp.core.files import atomic_path
from fgstp.models.checkpoint import save_checkpoint
from fgstp.models.registry import AnyModel
from fgstp.training.processes import gathered
from fgstp.training.random_state import random_state, set_random_state
from fgstp.training.samples import WindowOrder
from fgstp.training.settings import TrainSettings

STATE, COPY = "state.ckpt", "best.ckpt"  # in the folder of the resume state
RESUME = "fgstp"  # our part of Lightning's checkpoint


class KeepBest(Callback):
    """Writes a checkpoint whenever a score is better than ever; may end the training.

    Attributes:
        path: the checkpoint.
        epoch: the epoch that it is of, from 1; 0 before the first.
        scores: the scores of that epoch.
        patience_lost: whether the training was ended because nothing became better.
    """

    def __init__(
        self, model: AnyModel, path: Path, settings: TrainSettings, made_with: dict[str, Any]
    ) -> None:
        self.path = path
        self.epoch = 0
        self.scores: dict[str, float] = {}
        self.patience_lost = False
        self._model = model
        self._score = settings.monitor
        self._patience = settings.patience
        self._made_with = made_with

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the weights if they are better."""
        epoch = trainer.current_epoch + 1
        scores = {
            name: float(value)
            for name, value in trainer.callback_metrics.items()
            if name.startswith("val_")
        }
        if not self.scores or scores[self._score] > self.scores[self._score]:
            self.epoch, self.scores = epoch, scores
            facts = {"epoch": epoch, "scores": scores, "made_with": self._made_with}
            if trainer.is_global_zero:
                save_checkpoint(self._model, self.path, facts)
        elif self._patience is not None and epoch - self.epoch >= self._patience:
            self.patience_lost = True
            trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        """What a continued run has to know."""
        return {"epoch": self.epoch, "scores": self.scores}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from it."""
        self.epoch, self.scores = state_dict["epoch"], state_dict["scores"]


class KeepState(Callback):
    """Writes, after every finished epoch, all that is needed to go on from there.

    Attributes:
        folder: where; it holds a copy of the best checkpoint as well, because DVC removes the
            other one before a stage, and the next epoch, unfinished, may have replaced it.
        n_epochs: finished epochs.
    """

    def __init__(
        self, folder: Path, best: KeepBest, order: WindowOrder, made_with: dict[str, Any]
    ) -> None:
        self.folder = folder
        self.n_epochs = 0
        self._best = best
        self._order = order
        self._made_with = made_with
        self._random: dict[str, Any] | None = None

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the state, unless the epoch was ended early."""
        if not trainer.is_last_batch:
            return
        self.n_epochs = trainer.current_epoch + 1
        if not trainer.is_global_zero:
            trainer.save_checkpoint(self.folder / STATE)  # takes part, and writes nothing
            return
        copy = self.folder / COPY
        if self._best.epoch == self.n_epochs or not copy.exists():
            with atomic_path(copy) as temporary:
                shutil.copyfile(self._best.path, temporary)
        with atomic_path(self.folder / STATE) as temporary:
            trainer.save_checkpoint(temporary)

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add what Lightning does not know of."""
        checkpoint[RESUME] = {
            "made_with": self._made_with,
            "epochs": self.n_epochs,
            "order": self._order.state_dict(),
            "random": gathered(random_state()),  # by rank
        }

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Put back order and best checkpoint; the random state once nothing comes between."""
        state = checkpoint[RESUME]
        self.n_epochs = state["epochs"]
        self._order.load_state_dict(state["order"])
        self._order.set_epoch(self.n_epochs)
        if len(state["random"]) == trainer.world_size:
            self._random = state["random"][trainer.global_rank]
        if trainer.is_global_zero:
            with atomic_path(self._best.path) as temporary:
                shutil.copyfile(self.folder / COPY, temporary)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put back the random state."""
        if self._random is not None:
            set_random_state(self._random)
            self._random = None

    def remove(self) -> None:
        """Remove the state: the training is finished."""
        shutil.rmtree(self.folder, ignore_errors=True)


class TimeLimit(Callback):
    """Ends the training after some time, in the middle of an epoch if need be.

    The weights at that point are validated, and kept if they are the best.

    Args:
        seconds: the time.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._start = time.monotonic()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The time begins."""
        self._start = time.monotonic()

    def on_train_batch_end(self, trainer: Trainer, *_: object) -> None:
        """See whether it is over; if it is for one process, all end."""
        over = time.monotonic() - self._start >= self._seconds
        if trainer.strategy.reduce_boolean_decision(over, all=False):
            trainer.should_stop = True


class EndAtOnce(Callback):
    """Lets a process that trains with others end when it is told to.

    Lightning would have it wait for the others, which may have ended.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Undo what Lightning did when it began."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


class Bar(TQDMProgressBar):
    """Lightning's progress bar, with epochs counted from 1; sparing where it goes to a file."""

    def __init__(self) -> None:
        super().__init__(refresh_rate=1 if sys.stdout.isatty() else 50)

    def on_train_epoch_start(self, trainer: Trainer, *args: Any) -> None:  # noqa: ANN401
        """Say which epoch begins, and how many there are."""
        super().on_train_epoch_start(trainer, *args)
        number, last = trainer.current_epoch + 1, trainer.max_epochs
        self.train_progress_bar.set_description(f"epoch {number} of {last}")
