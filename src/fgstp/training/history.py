"""The figures of every epoch."""

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from fgstp.training.outcome import Row


class KeepHistory(Callback):
    """Notes the figures of every finished epoch; see `Outcome.history`.

    Attributes:
        rows: a row an epoch.
    """

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._learning_rate = 0.0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the rate: at the end of the epoch it is the next one's already."""
        self._learning_rate = trainer.optimizers[0].param_groups[0]["lr"]

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add a row, unless the epoch was ended early."""
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
        """What a continued run has to know."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from it."""
        self.rows = state_dict["rows"]
