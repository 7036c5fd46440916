"""Callbacks of Lightning's trainer: what is saved during training, and what ends it."""

import shutil
import signal
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar as LightningBar
from lightning.pytorch.callbacks import Timer, WeightAveraging
from torch import Tensor

from fgstp.core.files import atomic_path
from fgstp.core.progress import ProgressBar
from fgstp.models.base import AnyModel
from fgstp.models.checkpoint import save_checkpoint
from fgstp.models.training_records import BEST
from fgstp.training.data import SampleOrder
from fgstp.training.processes import gathered
from fgstp.training.settings import TrainSettings
from fgstp.training.state import canonical, random_state, set_random_state

STATE = "state.ckpt"
OWN = "fgstp"  # our part of Lightning's checkpoint
Row = dict[str, int | float]


@dataclass(eq=False, repr=False)
class Progress(Callback):
    """Keeps what a training reaches: the figures of its epochs, the best weights, and its state.

    Lightning's `ModelCheckpoint` would write weights in another format and save an epoch that a
    time limit cut short; its `EarlyStopping` would restore the patience of an interrupted
    training, which a user may have changed.

    Attributes:
        best: the checkpoint, written whenever the monitored score is better than ever.
        folder: folder of the state, written after every finished epoch, and of a copy of the
            checkpoint: DVC removes the other one before a stage, and an unfinished epoch may
            have replaced it.
        facts: what to note in the checkpoint beside epoch and scores.
        rows: the figures of every finished epoch; see `Outcome.history`.
        epoch: the epoch of the best weights, from 1; 0 before the first.
        scores: the validation scores of that epoch.
    """

    model: AnyModel
    settings: TrainSettings
    best: Path
    folder: Path
    order: SampleOrder
    facts: Mapping[str, Any]
    rows: list[Row] = field(default_factory=list, init=False)
    epoch: int = field(default=0, init=False)
    scores: dict[str, float] = field(default_factory=dict, init=False)
    _learning_rate: float = field(default=0.0, init=False)
    _random: dict[str, Any] | None = field(default=None, init=False)

    @property
    def is_out_of_patience(self) -> bool:
        """Whether the score has not improved for too many epochs."""
        n_without = len(self.rows) - self.epoch
        return self.settings.patience is not None and n_without >= self.settings.patience

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End a resumed training at once that ended here before."""
        trainer.should_stop |= self.is_out_of_patience

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Restore the random state, now that nothing intervenes, and note the learning rate."""
        if self._random is not None:
            set_random_state(self._random)
            self._random = None
        # At the end of the epoch it is already the next one's.
        self._learning_rate = trainer.optimizers[0].param_groups[0]["lr"]

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the weights if they are better."""
        scores, monitor = _figures(trainer, "val_"), self.settings.monitor
        if self.scores and scores[monitor] <= self.scores[monitor]:
            return
        self.epoch, self.scores = trainer.current_epoch + 1, scores
        if trainer.is_global_zero:
            facts = {**self.facts, "epoch": self.epoch, "scores": scores}
            save_checkpoint(self.model, self.best, facts)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add a row and write the state, unless the epoch ended early."""
        if not trainer.is_last_batch:
            return
        epoch, first = trainer.current_epoch + 1, trainer.is_global_zero
        figures = _figures(trainer, "train_loss") | _figures(trainer, "train_", "val_")
        self.rows.append({"epoch": epoch, "learning_rate": self._learning_rate, **figures})
        trainer.should_stop |= self.is_out_of_patience
        if first and self.epoch == epoch:
            copy(self.best, self.folder / BEST)
        state = self.folder / STATE
        # All processes take part; the first one writes.
        with atomic_path(state) if first else nullcontext(state) as temporary:
            trainer.save_checkpoint(temporary)

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add what Lightning does not save."""
        checkpoint[OWN] = {
            "rows": self.rows,
            "epoch": self.epoch,
            "scores": self.scores,
            "random": gathered(random_state()),  # by rank
        }
        for name, part in checkpoint.items():
            if name != "state_dict":
                checkpoint[name] = canonical(part)

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Restore it, the order of the samples, and the best checkpoint."""
        state = checkpoint[OWN]
        self.rows, self.epoch, self.scores = state["rows"], state["epoch"], state["scores"]
        self.order.set_epoch(len(self.rows))
        if len(state["random"]) == trainer.world_size:
            self._random = state["random"][trainer.global_rank]
        if trainer.is_global_zero:
            copy(self.folder / BEST, self.best)


def _figures(trainer: Trainer, *prefixes: str) -> dict[str, float]:
    """What was logged under names that begin so, sorted; of an epoch, not of its last step."""
    return {
        name: float(value)
        for name, value in sorted(trainer.callback_metrics.items())
        if name.startswith(prefixes) and not name.endswith(("_step", "_epoch"))
    }


def copy(source: Path, target: Path) -> None:
    """Copy a file, whole or not at all."""
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)


class KeepAverage(WeightAveraging):
    """Exponential moving average of the weights, which is validated instead of them.

    After step n, average = d average + (1 - d) weights with d = min(decay, (1 + n) / (10 + n)),
    so that a short training is not held back by its initial weights, as it would be by the
    constant d of Lightning's `EMAWeightAveraging`. Integers are copied.

    Lightning puts the trained weights back before callbacks save or draw what was validated;
    here the average stays until the end of validation. Such callbacks must precede this one.

    Args:
        decay: the largest d, in (0, 1).
    """

    def __init__(self, decay: float) -> None:
        self._decay = decay
        super().__init__(avg_fn=self._averaged)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Begin with the initial weights; torch would begin with those of the first step."""
        super().setup(trainer, pl_module, stage)
        if self._average_model is not None:
            self._average_model.n_averaged.fill_(1)

    def _averaged(self, average: Tensor, now: Tensor, n: Tensor | int) -> Tensor:
        if not average.is_floating_point():
            return now
        return average.lerp(now, 1 - min(self._decay, (1 + int(n)) / (10 + int(n))))

    on_validation_start = WeightAveraging.on_validation_epoch_start
    on_validation_end = WeightAveraging.on_validation_epoch_end
    on_validation_epoch_start = on_validation_epoch_end = Callback.on_validation_start


class TimeLimit(Timer):
    """Ends the training after some seconds, also within an epoch.

    The weights at that point are validated, and saved if they are the best.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(timedelta(seconds=seconds), verbose=False)

    def state_dict(self) -> dict[str, Any]:
        """None: a resumed training has the whole time again."""
        return {}


class EndAtOnce(Callback):
    """Lets one of several processes end at a signal; Lightning would wait for the others."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Undo what Lightning did when it began."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


class Bar(LightningBar):
    """Progress of the whole training, and of each validation."""

    def __init__(self) -> None:
        super().__init__()
        self._is_shown = True
        self._training = self._validation = ProgressBar(disable=True)

    def disable(self) -> None:
        """Show nothing; Lightning asks for it in all processes but the first."""
        self._is_shown = False

    def on_train_start(self, trainer: Trainer, *_: Any) -> None:  # noqa: ANN401
        """Begin, or go on where the state of the training ends."""
        n_batches = int(trainer.num_training_batches)
        self._training = ProgressBar(
            total=(trainer.max_epochs or 0) * n_batches,
            initial=trainer.current_epoch * n_batches,
            unit=" batches",
            disable=not self._is_shown,
        )

    def on_train_epoch_start(self, trainer: Trainer, *_: Any) -> None:  # noqa: ANN401
        """Show which epoch begins, from 1, and how many there are."""
        title = f"epoch {trainer.current_epoch + 1} of {trainer.max_epochs}"
        self._training.set_description(title, refresh=False)

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, *_: Any) -> None:  # noqa: ANN401
        """Count a batch, and show the loss."""
        self._training.set_postfix(self.get_metrics(trainer, module), refresh=False)
        self._training.update()

    def on_validation_start(self, trainer: Trainer, *_: Any) -> None:  # noqa: ANN401
        """Begin a bar that goes when it ends."""
        self._validation = ProgressBar(
            total=sum(map(int, trainer.num_val_batches)),
            unit=" clips",
            desc="validation",
            leave=False,
            disable=not self._is_shown,
        )

    def on_validation_batch_end(self, *_: Any) -> None:  # noqa: ANN401
        """Count a clip."""
        self._validation.update()

    def on_validation_end(self, *_: Any) -> None:  # noqa: ANN401
        """End the bar of the validation."""
        self._validation.close()

    def teardown(self, *_: Any, **__: Any) -> None:  # noqa: ANN401
        """End both bars, however the training ends."""
        self._validation.close()
        self._training.close()

    def on_exception(self, *_: Any) -> None:  # noqa: ANN401
        """End both bars; Lightning tears down only what ends well."""
        self.teardown()
