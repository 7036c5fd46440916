"""Callbacks of Lightning's trainer: what is saved during training, and what ends it."""

import shutil
import signal
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from datetime import timedelta
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import Timer, TQDMProgressBar, WeightAveraging
from lightning.pytorch.callbacks.progress.tqdm_progress import Tqdm
from torch import Tensor

from fgstp.core.files import atomic_path
from fgstp.core.fingerprint import write_stamp
from fgstp.models.base import AnyModel
from fgstp.models.checkpoint import save_checkpoint
from fgstp.training.data import SampleOrder
from fgstp.training.machine import gathered, random_state, set_random_state
from fgstp.training.settings import TrainSettings

STATE, COPY = "state.ckpt", "best.ckpt"  # in the folder of the resume state
RESUME = "fgstp"  # our part of Lightning's checkpoint
Row = dict[str, int | float]


class KeepHistory(Callback):
    """Collects the figures of every finished epoch; see `Outcome.history`.

    Attributes:
        rows: a row for each epoch.
    """

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._learning_rate = 0.0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the learning rate: at the end of the epoch it is already the next one's."""
        self._learning_rate = trainer.optimizers[0].param_groups[0]["lr"]

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add a row, unless the epoch ended early."""
        if not trainer.is_last_batch:
            return
        # Beside the mean of an epoch, Lightning keeps that of its last step.
        names = [
            name
            for name in trainer.callback_metrics
            if name.startswith(("train_", "val_")) and not name.endswith(("_step", "_epoch"))
        ]
        figures = {
            name: float(trainer.callback_metrics[name])
            for name in sorted(names, key=lambda name: (name != "train_loss", name))
        }
        epoch = trainer.current_epoch + 1
        self.rows.append({"epoch": epoch, "learning_rate": self._learning_rate, **figures})

    def state_dict(self) -> dict[str, Any]:
        """State for a resumed training."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state."""
        self.rows = state_dict["rows"]


class KeepBest(Callback):
    """Writes a checkpoint whenever the monitored score is better than ever, and has patience.

    Lightning's `ModelCheckpoint` would write a file of another format, and its `EarlyStopping`
    would restore the patience of an interrupted training, which a user may have changed.

    Attributes:
        path: the checkpoint.
        epoch: its epoch, from 1; 0 before the first.
        scores: the validation scores of that epoch.
        patience_lost: whether the training ended because the score did not improve any more.
    """

    def __init__(
        self, model: AnyModel, path: Path, settings: TrainSettings, fingerprint: str
    ) -> None:
        self.path = path
        self.epoch = 0
        self.scores: dict[str, float] = {}
        self.patience_lost = False
        self._model = model
        self._monitor = settings.monitor
        self._patience = settings.patience
        self._fingerprint = fingerprint

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the weights if they are better."""
        epoch = trainer.current_epoch + 1
        scores = {
            name: float(value)
            for name, value in trainer.callback_metrics.items()
            if name.startswith("val_")
        }
        if not self.scores or scores[self._monitor] > self.scores[self._monitor]:
            self.epoch, self.scores = epoch, scores
            if trainer.is_global_zero:
                self._save()
        elif self._patience is not None and epoch - self.epoch >= self._patience:
            self.patience_lost = True
            trainer.should_stop = True

    def _save(self) -> None:
        facts = {
            "stage": self._model.stage,
            "epoch": self.epoch,
            "scores": self.scores,
            "fingerprint": self._fingerprint,
        }
        save_checkpoint(self._model, self.path, facts)

    def state_dict(self) -> dict[str, Any]:
        """State for a resumed training."""
        return {"epoch": self.epoch, "scores": self.scores}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state."""
        self.epoch, self.scores = state_dict["epoch"], state_dict["scores"]


class KeepAverage(WeightAveraging):
    """Exponential moving average of the weights, which is validated instead of them.

    After step n, average = d average + (1 - d) weights with d = min(decay, (1 + n) / (10 + n)),
    so that a short training is not held back by its initial weights. Integers are copied.

    Lightning would put the trained weights back at the end of the validation epoch, before
    callbacks save or draw what was validated. Here the average stays in the network until the
    end of validation; such callbacks must precede this one.

    Args:
        decay: the largest d, in (0, 1).
    """

    def __init__(self, decay: float) -> None:
        super().__init__(avg_fn=self._averaged)
        self._limit = decay
        self._decay = 0.0  # of the present step

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Begin with the initial weights; torch would begin with those of the first step."""
        super().setup(trainer, pl_module, stage)
        if self._average_model is not None:
            self._average_model.n_averaged.fill_(1)

    def should_update(self, step_idx: int | None = None, epoch_idx: int | None = None) -> bool:
        """Update after every step, whose number is counted from 0 here."""
        if step_idx is None:
            return False
        self._decay = min(self._limit, (2 + step_idx) / (11 + step_idx))
        return True

    def _averaged(self, average: Tensor, now: Tensor, _n: Tensor | int) -> Tensor:
        return average.lerp(now, 1 - self._decay) if average.is_floating_point() else now

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the average into the network."""
        super().on_validation_epoch_start(trainer, pl_module)

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """It is there already."""

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """It stays a little longer."""

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put back the trained weights."""
        super().on_validation_epoch_end(trainer, pl_module)


class KeepState(Callback):
    """Writes, after every finished epoch, all that is needed to resume from there.

    Attributes:
        folder: where. It holds a copy of the best checkpoint as well, because DVC removes the
            other one before a stage, and an unfinished epoch may have replaced it.
        n_epochs: finished epochs.
    """

    def __init__(self, folder: Path, best: KeepBest, order: SampleOrder) -> None:
        self.folder = folder
        self.n_epochs = 0
        self._best = best
        self._order = order
        self._random: dict[str, Any] | None = None

    def begin(self, facts: Mapping[str, object]) -> None:
        """Remove the state of another training and note what the next one will depend on."""
        shutil.rmtree(self.folder, ignore_errors=True)
        write_stamp(self.folder / STATE, facts)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the state, unless the epoch ended early."""
        if not trainer.is_last_batch:
            return
        self.n_epochs = trainer.current_epoch + 1
        if not trainer.is_global_zero:
            trainer.save_checkpoint(self.folder / STATE)  # takes part but writes nothing
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
        """Add what Lightning does not save."""
        checkpoint[RESUME] = {
            "epochs": self.n_epochs,
            "random": gathered(random_state()),  # by rank
        }

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Restore order and best checkpoint; the random state follows when nothing intervenes."""
        state = checkpoint[RESUME]
        self.n_epochs = state["epochs"]
        self._order.set_epoch(self.n_epochs)
        if len(state["random"]) == trainer.world_size:
            self._random = state["random"][trainer.global_rank]
        if trainer.is_global_zero:
            with atomic_path(self._best.path) as temporary:
                shutil.copyfile(self.folder / COPY, temporary)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Restore the random state."""
        if self._random is not None:
            set_random_state(self._random)
            self._random = None


class TimeLimit(Timer):
    """Ends the training after some time, also within an epoch.

    The weights at that point are validated, and saved if they are the best.

    Args:
        seconds: the time.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(timedelta(seconds=seconds), verbose=False)

    def state_dict(self) -> dict[str, Any]:
        """None: a resumed training has the whole time again."""
        return {}


class EndAtOnce(Callback):
    """Lets one of several processes end when it gets a signal.

    Lightning would let it wait for the others, which may have ended.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Undo what Lightning did when it began."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


class Bar(TQDMProgressBar):
    """Lightning's progress bar on stderr, with epochs counted from 1; rarely updated in a file."""

    def __init__(self) -> None:
        super().__init__(refresh_rate=1 if sys.stderr.isatty() else 50)

    def init_train_tqdm(self) -> Tqdm:
        """The bar of an epoch."""
        with redirect_stdout(sys.stderr):
            return super().init_train_tqdm()

    def init_validation_tqdm(self) -> Tqdm:
        """The bar of a validation."""
        with redirect_stdout(sys.stderr):
            return super().init_validation_tqdm()

    def on_train_epoch_start(self, trainer: Trainer, *args: Any) -> None:  # noqa: ANN401
        """Show which epoch begins, and how many there are."""
        super().on_train_epoch_start(trainer, *args)
        number, last = trainer.current_epoch + 1, trainer.max_epochs
        self.train_progress_bar.set_description(f"epoch {number} of {last}")
