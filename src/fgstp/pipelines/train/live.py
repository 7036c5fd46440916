"""What a training records in the MLflow run, if there is one, while it goes on."""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, cast

import mlflow
import numpy as np
import pandas as pd
from lightning.pytorch import Callback, LightningModule, Trainer
from mlflow import MlflowClient
from mlflow.entities import Metric
from numpy.typing import NDArray

from fgstp.footage.clip_store import ClipStore
from fgstp.reporting.contact_sheet import spread
from fgstp.reporting.example_pictures import draw_examples
from fgstp.reporting.prediction_figure import Example, choose_examples

STEPS_BETWEEN = 10
N_EXAMPLES = 4
REACH = 2  # frames before and after an example that the network may look at
Picture = NDArray[np.generic]


class LiveMetrics(Callback):
    """Records losses and validation scores in an MLflow run while the network trains.

    It writes through a client of its own, so that it works in the processes of a training on
    several devices too, of which the first alone calls it.

    Args:
        tracking_uri: where runs are recorded.
        run_id: the run.
    """

    def __init__(self, tracking_uri: str, run_id: str) -> None:
        self._tracking_uri = tracking_uri
        self._run_id = run_id
        self._epoch_began = 0.0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at the clock."""
        self._epoch_began = time.monotonic()

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: object) -> None:
        """Record the loss of a step now and then."""
        if trainer.global_step % STEPS_BETWEEN == 0:
            loss = {"train_loss_step": trainer.callback_metrics["train_loss_step"]}
            self._log(loss, trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Record the means of the epoch and its scores."""
        numbers: dict[str, Any] = {
            name.removesuffix("_epoch"): value
            for name, value in trainer.callback_metrics.items()
            if not name.endswith("_step")
        }
        numbers["epoch"] = _epoch(trainer, pl_module)
        numbers["epoch_s"] = time.monotonic() - self._epoch_began
        self._log(numbers, trainer, pl_module)

    def _log(
        self, numbers: Mapping[str, Any], trainer: Trainer, pl_module: LightningModule
    ) -> None:
        now_ms = int(1000 * time.time())
        step = trainer.global_step + _stage(pl_module) * int(trainer.estimated_stepping_batches)
        metrics = [Metric(name, float(value), now_ms, step) for name, value in numbers.items()]
        MlflowClient(self._tracking_uri).log_batch(self._run_id, metrics)


class LiveExamples(Callback):
    """Keeps pictures of what the network predicts after each epoch with an MLflow run.

    Args:
        tracking_uri: where runs are recorded.
        run_id: the run.
        store: where the clips lie.
        examples: the frames to show.
    """

    def __init__(
        self, tracking_uri: str, run_id: str, store: ClipStore, examples: Sequence[Example]
    ) -> None:
        self._tracking_uri = tracking_uri
        self._run_id = run_id
        self._store = store
        self._examples = examples

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Predict, draw and record."""
        epoch = _epoch(trainer, pl_module)
        frames, masks, maps = zip(
            *map(partial(self._predict, pl_module), self._examples), strict=True
        )
        figure = draw_examples(
            frames,
            masks,
            {f"epoch {epoch}": maps},
            [f"{each.clip}\nframe {each.frame}" for each in self._examples],
            title="Validation clips",
        )
        client = MlflowClient(self._tracking_uri)
        client.log_figure(self._run_id, figure, f"examples/epoch_{epoch:03d}.png")

    def _predict(self, pl_module: LightningModule, example: Example) -> tuple[Picture, ...]:
        """Frame, mask and map; the network sees the frames beside it too."""
        clip = self._store.clip(example.clip)
        frames, masks = clip.frames, clip.masks(clip.annotated)
        start = max(0, example.frame - REACH)
        near = slice(start, example.frame + REACH + 1)
        maps = cast(Any, pl_module.model).predict_masked_clip(frames[near], masks[near])
        return frames[example.frame], masks[example.frame], maps[example.frame - start]


def _stage(pl_module: LightningModule) -> int:
    return int(cast(Any, pl_module).model.stage)


def _epoch(trainer: Trainer, pl_module: LightningModule) -> int:
    """Number of the epoch from 1, counted on over stages of the training."""
    return trainer.current_epoch + 1 + _stage(pl_module) * (trainer.max_epochs or 0)


def live_callbacks(clips: pd.DataFrame, store: ClipStore) -> list[Callback]:
    """What a training records with while it runs; nothing without a run.

    Args:
        clips: the clip table, from which examples are chosen for pictures.
        store: where the clips lie.

    Returns:
        Callbacks for Lightning's trainer.
    """
    run = mlflow.active_run()
    if not run:
        return []
    place = mlflow.get_tracking_uri(), run.info.run_id
    examples = _examples(clips, store)
    pictures = [LiveExamples(*place, store, examples)] if examples else []
    return [LiveMetrics(*place), *pictures]


def _examples(clips: pd.DataFrame, store: ClipStore) -> list[Example]:
    """Of some validation clips the frame with the median gas area."""
    kept = clips[clips["dropped"].isna() & (clips["split"] == "validation")]
    masked = kept[kept["mask_source"] != "none"]
    if masked.empty:  # training itself says what is wrong with that
        return []
    with_gas = masked[masked["gas_fraction"] > 0]
    chosen = spread(masked if with_gas.empty else with_gas, N_EXAMPLES)
    return choose_examples(chosen.assign(category=chosen["clip"]), store)
