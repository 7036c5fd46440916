"""A model as Lightning trains it: steps, validation, and optimiser with its schedule."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader

from fgstp.core.errors import UserError
from fgstp.footage.clip_table import ClipRow
from fgstp.footage.packed_masks import GAS, VOID, first_frame_with_gas
from fgstp.footage.video_store import Clip, VideoStore
from fgstp.models.base import AnyModel
from fgstp.models.sampling import Batch
from fgstp.models.session import Prediction, prompt_of
from fgstp.models.settings import HALVED_AT, OptimisationSettings
from fgstp.training.data import SampleOrder
from fgstp.training.processes import gathered, take_from_first
from fgstp.training.settings import TrainSettings
from fgstp.training.validation import overlap, validation_scores, youden_threshold

Factor = Callable[[int], float]
THRESHOLD = 0.5  # of the probability
CONTEXT_S = 30.0  # of footage before validated frames, at most
POWER, LAST_FRACTION = 0.9, 0.05  # of the schedule `polynomial`
FIRST_PERIOD_STEPS, GROWTH, FLOOR = 5, 1.2, 0.01  # of the schedule `cosine_restarts`
NORMALISATIONS = (nn.LayerNorm, nn.GroupNorm, nn.modules.batchnorm._NormBase)


class DivergenceError(UserError):
    """The loss or a prediction became infinite or undefined."""


@contextmanager
def _several_values(name: str) -> Iterator[None]:
    """Explain a step that is too small for batch normalisation; torch raises a `ValueError`."""
    try:
        yield
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise UserError(
            f"{name} normalises over the frames of a step, whose smallest maps hold a single value "
            "here; raise targets_per_step to two samples or more, or height_px and width_px."
        ) from error


class TrainingModule(LightningModule):
    """Trains a model on samples and validates it on clips.

    Logs `train_loss`, its parts as `train_<part>`, and the scores of `validation_scores`. The
    model is trained in place; each validation sets its `frame_threshold`.
    """

    def __init__(self, model: AnyModel, settings: TrainSettings, store: VideoStore) -> None:
        super().__init__()
        self.model = model
        self.settings = settings
        self.store = store
        # By clip: overlaps and frame scores of its frames.
        self._validated: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}

    @property
    def n_steps(self) -> int:
        """Optimiser steps of the whole training."""
        return int(self.trainer.estimated_stepping_batches)

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """Loss of a batch.

        Raises:
            DivergenceError: it is not finite.
            UserError: batch normalisation has one value only.
        """
        progress = min(self.global_step, self.n_steps - 1) / self.n_steps
        with _several_values(self.model.name):
            loss, parts = self.model.training_step(batch, progress)
        if not torch.isfinite(loss):
            raise DivergenceError(
                f"The loss became {loss.item()} in epoch {self.current_epoch + 1}, on the clips "
                f"{', '.join(dict.fromkeys(batch.clips))}; lower {self._rate_setting} or look at "
                "these clips. The best checkpoint so far, if there is one, is kept."
            )
        n_samples = len(batch.clips)
        self.log(
            "train_loss", loss, prog_bar=True, on_epoch=True, batch_size=n_samples, sync_dist=True
        )
        named = {f"train_{name}": part for name, part in parts.items()}
        self.log_dict(named, on_step=False, on_epoch=True, batch_size=n_samples, sync_dist=True)
        return loss * self._weight(n_samples, index)

    def _weight(self, n_samples: int, index: int) -> float:
        """Weight of a batch within its step, 1 unless the step is the last of an epoch.

        Lightning divides the sum of the losses of a step by `accumulate_grad_batches`; with
        this weight the result is the mean over all samples of the step.
        """
        parts, loader = self.settings.accumulate_grad_batches, self.trainer.train_dataloader
        assert isinstance(loader, DataLoader)
        assert isinstance(loader.sampler, SampleOrder)
        size = loader.batch_size or 1
        n_epoch = min(len(loader.sampler), len(loader) * size)
        n_step = min(parts * size, n_epoch - index // parts * parts * size)
        return parts * n_samples / n_step

    def on_validation_start(self) -> None:
        """Give all processes one network: on the CPU each has its own batch statistics."""
        take_from_first(self.model.buffers())

    def validation_step(self, clip: ClipRow, _index: int) -> None:
        """Predict a clip at its own size and compare the result with its masks.

        Frames without a mask are not scored, nor is the first frame with gas, because some
        models are given its mask.

        Raises:
            DivergenceError: a prediction is not finite.
        """
        view = clip.read(self.store)
        numbers = self._middle(view.annotated)
        labels = view.labels(numbers)
        masks = labels == GAS
        # In full precision, as evaluation predicts.
        with torch.autocast(self.device.type, enabled=False):
            predictions = self._predicted(view, numbers, masks.astype(np.uint8))
        maps = np.stack([each.map for each in predictions])
        if not np.isfinite(maps).all():  # would score as one that finds nothing
            raise DivergenceError(
                f"The predictions are no longer finite after epoch {self.current_epoch + 1}, on "
                f"the clip {clip.name}; lower {self._rate_setting}."
            )
        scored = np.arange(len(numbers)) != first_frame_with_gas(masks)
        found = (maps[scored] > THRESHOLD) & (labels[scored] != VOID)
        scores = np.array([each.score for each in predictions], np.float64)[scored]
        self._validated[clip.name] = overlap(found, masks[scored]), scores

    def _middle(self, annotated: NDArray[np.int64]) -> NDArray[np.int64]:
        """Numbers of the annotated frames of a clip that are scored."""
        wanted = self.settings.validation_frames
        n_taken = len(annotated) if wanted is None else min(wanted, len(annotated))
        start = (len(annotated) - n_taken) // 2
        return annotated[start : start + n_taken]

    def _predicted(
        self, clip: Clip, numbers: NDArray[np.int64], masks: NDArray[np.uint8]
    ) -> list[Prediction]:
        """Predictions of some frames of a clip; a model without a prompt sees what led there.

        Args:
            clip: the clip.
            numbers: (n,), rising numbers of the frames in the clip.
            masks: (n, H, W), 0/1: their gas, for prompts.
        """
        model, steps_s = self.model, np.diff(clip.times_s)
        fps_hz = 1 / max(float(np.median(steps_s)), 1e-3) if len(steps_s) else 15.0
        own = numbers - numbers[0]
        prompt = prompt_of(model.prompt_kind, masks, own, int(own[-1]) + 1)
        first, last = (clip.first_frame + int(numbers[place]) for place in (0, -1))
        context_s = 0.0 if model.prompt_kind != "none" else model.context_s(fps_hz)
        n_context = min(first, math.ceil(min(context_s, CONTEXT_S) * fps_hz - 1e-9))
        frames = clip.video_frames[first - n_context : last + 1]
        predictions = model.predictions(frames, fps_hz, prompt, n_context)
        return [predictions[number] for number in own]

    def on_validation_epoch_end(self) -> None:
        """Scores of all clips of all processes together.

        Raises:
            UserError: no frame is left to be scored.
        """
        by_clip = {clip: each for part in gathered(self._validated) for clip, each in part.items()}
        self._validated = {}
        # Sorted, because sums of floating-point numbers depend on their order.
        parts = zip(*(by_clip[clip] for clip in sorted(by_clip)), strict=True)
        overlaps, frame_scores = (np.concatenate(each, axis=-1) for each in parts)
        if not overlaps.size:
            raise UserError("The validation clips have no second frame with a mask to score.")
        self.model.frame_threshold = youden_threshold(overlaps[2] > 0, frame_scores)
        scores = validation_scores(overlaps)
        monitor = self.settings.monitor
        self.log(monitor, scores.pop(monitor), prog_bar=True)
        self.log_dict(scores)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """The optimiser and the schedule of the model."""
        chosen = optimiser(self.model, self.settings)
        factor = schedule(self.model.optimisation, self.settings, self.n_steps)
        return {
            "optimizer": chosen,
            "lr_scheduler": {"scheduler": LambdaLR(chosen, factor), "interval": "step"},
        }

    @property
    def _rate_setting(self) -> str:
        own = self.model.optimisation.learning_rate
        return "train.learning_rate" if own is None else f"the learning rate of {self.model.name}"


def optimiser(model: AnyModel, settings: TrainSettings) -> Optimizer:
    """Adam or AdamW of all weights that the present stage of a model trains.

    There is a group of parameters for each learning rate and weight decay. The learning rate of
    the block `train` counts unless the model has its own.
    """
    own = model.optimisation
    rate = own.learning_rate or settings.learning_rate
    encoders = tuple(f"{name}." for name in model.encoders)
    layers = (each for each in model.network.modules() if isinstance(each, NORMALISATIONS))
    undecayed = {id(weights) for layer in layers for weights in layer.parameters()}
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, weights in model.network.named_parameters():
        if weights.requires_grad:
            own_rate = rate * own.encoder_lr_scale if name.startswith(encoders) else rate
            is_bias = weights.ndim < 2
            keeps = is_bias or id(weights) in undecayed or name.endswith(model.undecayed)
            groups.setdefault((own_rate, 0.0 if keeps else own.weight_decay), []).append(weights)
    parameters: list[dict[str, Any]] = [
        {"params": members, "lr": own_rate, "weight_decay": decay}
        for (own_rate, decay), members in groups.items()
    ]
    return {"adam": Adam, "adamw": AdamW}[own.optimiser](parameters, lr=rate)


def schedule(own: OptimisationSettings, settings: TrainSettings, n_steps: int) -> Factor:
    """Factor of the learning rate at each of `n_steps` steps, as a function of the step, from 0."""

    def drop(step: int) -> float:
        # Epochs are counted from 1, and the rate drops when one begins.
        return 0.1 ** ((step * settings.epochs // n_steps + 1) // settings.drop_every_epochs)

    def polynomial(step: int) -> float:
        left = max(0.0, 1 - step / n_steps)
        return float(LAST_FRACTION + (1 - LAST_FRACTION) * left**POWER)

    def halving(step: int) -> float:
        return 0.5 ** sum(step >= fraction * n_steps for fraction in HALVED_AT)

    body = {
        "drop": drop,
        "constant": lambda step: 1.0,
        "polynomial": polynomial,
        "halving": halving,
        "cosine_restarts": cosine_restarts,
    }[own.schedule]
    warm_up = own.warm_up_fraction * n_steps

    def factor(step: int) -> float:
        return body(step) * (min(1.0, (step + 1) / warm_up) if warm_up else 1.0)

    return factor


def cosine_restarts(step: int) -> float:
    """Cosine from 1 to 0.01, restarted after 5 steps and then after periods 1.2 times as long.

    Lengths are rounded up, steps counted from 0. The schedule of SLT-Net's long-term training.
    """
    period = FIRST_PERIOD_STEPS
    while step >= period:
        step -= period
        period = math.ceil(GROWTH * period)
    return FLOOR + (1 - FLOOR) * (1 + math.cos(math.pi * step / period)) / 2
