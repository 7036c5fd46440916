"""A model as Lightning trains it: steps, schedule and validation."""

from typing import Any, NamedTuple

import numpy as np
import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from numpy.typing import NDArray
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from fgstp.footage.clip_store import ClipStore
from fgstp.footage.given_mask import first_frame_with_gas
from fgstp.models.registry import AnyModel
from fgstp.training.divergence import DivergenceError
from fgstp.training.flow_samples import FlowSample
from fgstp.training.optimiser import optimiser
from fgstp.training.processes import gathered, take_from_first
from fgstp.training.samples import Window, masks_of
from fgstp.training.schedules import schedule
from fgstp.training.settings import TrainSettings

THRESHOLD = 0.5  # of the probability, as the network gives it


class Overlap(NamedTuple):
    """How predictions and masks of some frames overlap, a number a frame.

    Attributes:
        both: pixels that are gas in both, (T,).
        either: pixels that are gas in one of them, (T,).
        gas: pixels that are gas in the mask, (T,).
    """

    both: NDArray[np.int64]
    either: NDArray[np.int64]
    gas: NDArray[np.int64]

    @classmethod
    def of(cls, found: NDArray[np.bool_], masks: NDArray[np.bool_]) -> "Overlap":
        """Count; both are (T, H, W)."""
        pairs = (found & masks, found | masks, masks)
        return cls(*(np.count_nonzero(each, axis=(1, 2)) for each in pairs))

    def scores(self) -> dict[str, float]:
        """The figures that can choose a checkpoint; see `TrainSettings.monitor`."""
        iou = (self.both + (self.either == 0)) / np.maximum(self.either, 1)
        with_gas = self.gas > 0
        return {
            "val_miou": float(iou.mean()),
            "val_miou_gas": float(iou[with_gas].mean()) if with_gas.any() else 0.0,
            "val_iou": float(self.both.sum() / max(self.either.sum(), 1)),
        }


class TrainingModule(LightningModule):
    """Trains a model on samples and validates it on whole clips.

    Logs `train_loss` and its parts as `train_<part>`, and the scores of `Overlap.scores`.

    Args:
        model: the model; its network is trained in place.
        settings: how it is trained.
        store: where the clips of validation lie.
        steps_per_epoch: steps of an epoch.
    """

    def __init__(
        self, model: AnyModel, settings: TrainSettings, store: ClipStore, steps_per_epoch: int
    ) -> None:
        super().__init__()
        self.model = model
        self.network = model.network
        self.settings = settings
        self.store = store
        self.steps_per_epoch = steps_per_epoch
        self._overlaps: dict[str, Overlap] = {}  # by clip

    @property
    def progress(self) -> float:
        """Fraction of the training that is done, in [0, 1)."""
        n_steps = self.settings.epochs * self.steps_per_epoch
        return min(self.global_step, n_steps - 1) / n_steps

    @property
    def _rate_setting(self) -> str:
        own = self.model.optimisation.learning_rate
        return "train.learning_rate" if own is None else f"the learning rate of {self.model.name}"

    def training_step(self, samples: Window | FlowSample, _index: int) -> Tensor:
        """Loss of a batch of samples.

        Raises:
            DivergenceError: it is not finite.
        """
        loss, parts = self.model.training_step(samples.batch(), self.progress)
        if not torch.isfinite(loss):
            raise DivergenceError(
                f"The loss became {loss.item()} in epoch {self.current_epoch + 1}, on the clips "
                f"{', '.join(dict.fromkeys(samples.clip))}; lower {self._rate_setting} or look at "
                "these clips. The best checkpoint so far, if there is one, is kept."
            )
        n_samples = len(samples.clip)
        self.log(
            "train_loss",
            loss,
            prog_bar=True,
            on_step=True,
            on_epoch=True,
            batch_size=n_samples,
            sync_dist=True,
        )
        named = {f"train_{name}": part for name, part in parts.items()}
        self.log_dict(named, on_step=False, on_epoch=True, batch_size=n_samples, sync_dist=True)
        return loss

    def on_validation_start(self) -> None:
        """Give all processes one network: on the CPU each normalised by its own statistics."""
        take_from_first(self.network.buffers())

    def validation_step(self, clip: str, _index: int) -> None:
        """Predict a clip at its own size and compare it with its masks.

        The first frame with gas does not count, since some models are given its mask.

        Raises:
            DivergenceError: what it predicts is not finite.
        """
        frames = self.store.frames(clip)
        middle = _middle(len(frames), self.settings.validation_frames)
        masks = np.array(masks_of(clip, self.store)[middle])
        maps = self.model.predict_masked_clip(frames[middle], masks)
        if not np.isfinite(maps).all():  # would score as one that finds nothing
            raise DivergenceError(
                f"What the network predicts is no longer finite after epoch "
                f"{self.current_epoch + 1}, on the clip {clip}; lower {self._rate_setting}."
            )
        counts = np.arange(len(masks)) != first_frame_with_gas(masks)
        self._overlaps[clip] = Overlap.of(maps[counts] > THRESHOLD, masks[counts] > 0)

    def on_validation_epoch_end(self) -> None:
        """Scores of all clips of all processes together."""
        by_clip = {clip: each for share in gathered(self._overlaps) for clip, each in share.items()}
        # Sorted, because sums of fractions depend on their order.
        in_order = [by_clip[clip] for clip in sorted(by_clip)]
        every = Overlap(*(np.concatenate(counts) for counts in zip(*in_order, strict=True)))
        self._overlaps = {}
        scores = every.scores()
        monitor = self.settings.monitor
        self.log(monitor, scores.pop(monitor), prog_bar=True)
        self.log_dict(scores)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """The model's optimiser, its rate by the model's schedule."""
        chosen = optimiser(self.model, self.settings)
        factor = schedule(
            self.model.optimisation,
            self.settings,
            n_steps=self.settings.epochs * self.steps_per_epoch,
            steps_per_epoch=self.steps_per_epoch,
        )
        return {
            "optimizer": chosen,
            "lr_scheduler": {"scheduler": LambdaLR(chosen, factor), "interval": "step"},
        }

    def transfer_batch_to_device(
        self,
        batch: Any,  # noqa: ANN401 - samples, or the name of a clip
        device: torch.device,
        dataloader_idx: int,
    ) -> Any:  # noqa: ANN401
        """Samples go to the device, names of clips stay."""
        if isinstance(batch, str):
            return batch
        return super().transfer_batch_to_device(batch, device, dataloader_idx)


def _middle(n_frames: int, wanted: int | None) -> slice:
    """The frames wanted from the middle of a clip."""
    n_taken = n_frames if wanted is None else min(wanted, n_frames)
    start = (n_frames - n_taken) // 2
    return slice(start, start + n_taken)
