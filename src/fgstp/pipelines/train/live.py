"""What a training logs to the MLflow run, if there is one."""

import time
from collections.abc import Sequence
from functools import partial
from typing import Any, cast

import numpy as np
import pandas as pd
from lightning.pytorch import Callback, LightningModule, Trainer
from numpy.typing import NDArray

from fgstp.footage.clip_table import clip_rows, spread
from fgstp.footage.video_store import VideoStore
from fgstp.models.session import prompt_of
from fgstp.pipelines.tracking import CURRENT, TrackedRun
from fgstp.reporting.examples import Example, choose_examples
from fgstp.reporting.predictions import draw_examples

STEPS_BETWEEN = 10
N_EXAMPLES = 4
REACH = 2  # frames before and after an example that the network may use
Picture = NDArray[np.generic]


class LiveMetrics(Callback):
    """Logs losses and validation scores to `run`."""

    def __init__(self, run: TrackedRun) -> None:
        self._run = run
        self._epoch_began = 0.0
        self._last_step = 0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Store the time."""
        self._epoch_began = time.monotonic()

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: object) -> None:
        """Log the loss of every tenth step."""
        step = _step(trainer, pl_module)
        # A step may have several parts.
        if trainer.global_step % STEPS_BETWEEN == 0 and step != self._last_step:
            self._last_step = step
            loss = {"train_loss_step": trainer.callback_metrics["train_loss_step"]}
            self._run.log_metrics(loss, step)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the means of the epoch and its scores."""
        numbers: dict[str, Any] = {
            name.removesuffix("_epoch"): value
            for name, value in trainer.callback_metrics.items()
            if not name.endswith("_step")
        }
        numbers["epoch"] = _epoch(trainer, pl_module)
        numbers["epoch_s"] = time.monotonic() - self._epoch_began
        self._run.log_metrics(numbers, _step(trainer, pl_module))

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """In a process of its own, send what MLflow has not taken."""
        self._run.leave()


class LiveExamples(Callback):
    """Logs pictures of what the network predicts for `examples` after each epoch."""

    def __init__(self, run: TrackedRun, store: VideoStore, examples: Sequence[Example]) -> None:
        self._run = run
        self._store = store
        self._examples = examples

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Predict, draw and log."""
        epoch = _epoch(trainer, pl_module)
        frames, masks, maps = zip(
            *map(partial(self._predict, pl_module), self._examples), strict=True
        )
        figure = draw_examples(
            frames,
            masks,
            {f"epoch {epoch}": maps},
            [f"{each.clip.name}\nframe {each.frame}" for each in self._examples],
            title="Validation clips",
        )
        self._run.log_figure(figure, f"examples/epoch_{epoch:03d}.png")

    def _predict(self, pl_module: LightningModule, example: Example) -> tuple[Picture, ...]:
        """Frame, mask and map; the network also gets the neighbouring frames."""
        clip = example.clip.read(self._store)
        frames, masks = clip.frames, clip.masks_or_zeros()
        start = max(0, example.frame - REACH)
        near = slice(start, example.frame + REACH + 1)
        model = cast(Any, pl_module.model)
        maps = model.predict(frames[near], prompt=prompt_of(model.prompt_kind, masks[near]))
        return frames[example.frame], masks[example.frame], maps[example.frame - start]


def _stage(pl_module: LightningModule) -> int:
    return int(cast(Any, pl_module).model.stage)


def _step(trainer: Trainer, pl_module: LightningModule) -> int:
    """Number of the step over all stages of the training."""
    return trainer.global_step + _stage(pl_module) * int(trainer.estimated_stepping_batches)


def _epoch(trainer: Trainer, pl_module: LightningModule) -> int:
    """Number of the epoch over all stages of the training, from 1."""
    return trainer.current_epoch + 1 + _stage(pl_module) * (trainer.max_epochs or 0)


def live_callbacks(clips: pd.DataFrame, store: VideoStore) -> list[Callback]:
    """Callbacks that log a training; none without an MLflow run.

    Args:
        clips: the clip table, from which the example pictures are chosen.
        store: the store of the videos.
    """
    run = CURRENT.get()
    if run is None:
        return []
    examples = _examples(clips, store)
    pictures = [LiveExamples(run, store, examples)] if examples else []
    return [LiveMetrics(run), *pictures]


def _examples(clips: pd.DataFrame, store: VideoStore) -> list[Example]:
    """From some validation clips, the frame with the median gas area of each."""
    kept = clips[clips["dropped"].isna() & (clips["split"] == "validation")]
    masked = kept[kept["mask_source"] != "none"]
    if masked.empty:  # training itself reports this
        return []
    with_gas = masked[masked["gas_fraction"] > 0]
    chosen = spread(masked if with_gas.empty else with_gas, N_EXAMPLES)
    return choose_examples({clip.name: [clip] for clip in clip_rows(chosen)}, store)
