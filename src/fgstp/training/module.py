"""A system as Lightning trains it: steps, schedule and validation."""

from typing import Any, NamedTuple

import numpy as np
import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from numpy.typing import NDArray
from torch import Tensor
from torch.optim import Adam
from torch.optim.lr_scheduler import LambdaLR

from fgstp.errors import UserError
from fgstp.footage.clip_store import ClipStore
from fgstp.models.registry import AnySystem
from fgstp.training.processes import gathered, take_from_first
from fgstp.training.samples import Window, triple_batch
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
        """The figures that can choose a checkpoint; see `TrainSettings.best_by`."""
        iou = (self.both + (self.either == 0)) / np.maximum(self.either, 1)
        with_gas = self.gas > 0
        return {
            "val_miou": float(iou.mean()),
            "val_miou_gas": float(iou[with_gas].mean()) if with_gas.any() else 0.0,
            "val_iou": float(self.both.sum() / max(self.either.sum(), 1)),
        }


class TrainingModule(LightningModule):
    """Trains a system on windows and validates it on whole clips.

    Logs `train_loss` and its parts as `train_<part>`, and the scores of `Overlap.scores`.

    Args:
        system: the system; its network is trained in place.
        settings: how it is trained.
        store: where the clips of validation lie.
    """

    def __init__(self, system: AnySystem, settings: TrainSettings, store: ClipStore) -> None:
        super().__init__()
        self.system = system
        self.network = system.network
        self.settings = settings
        self.store = store
        self._overlaps: dict[str, Overlap] = {}  # by clip

    def training_step(self, windows: Window, _index: int) -> Tensor:
        """Loss of a batch of windows.

        Raises:
            UserError: it is not finite.
        """
        loss, parts = self.system.training_step(triple_batch(windows))
        if not torch.isfinite(loss):
            raise UserError(
                f"The loss became {loss.item()} in epoch {self.current_epoch + 1}, on the clips "
                f"{', '.join(dict.fromkeys(windows.clip))}; lower train.learning_rate or look at "
                "these clips. The best checkpoint so far, if there is one, is kept."
            )
        n_windows = len(windows.clip)
        self.log(
            "train_loss",
            loss,
            prog_bar=True,
            on_step=True,
            on_epoch=True,
            batch_size=n_windows,
            sync_dist=True,
        )
        named = {f"train_{name}": part for name, part in parts.items()}
        self.log_dict(named, on_step=False, on_epoch=True, batch_size=n_windows, sync_dist=True)
        return loss

    def on_validation_start(self) -> None:
        """Give all processes one network: on the CPU each normalised by its own statistics."""
        take_from_first(self.network.buffers())

    def validation_step(self, clip: str, _index: int) -> None:
        """Predict a clip at its own size and compare it with its masks."""
        frames, masks = self.store.frames(clip), self.store.masks(clip)
        if masks is None:
            raise UserError(f"The masks of the clip {clip} are gone; run ingest again.")
        middle = _middle(len(frames), self.settings.validation_frames)
        maps = self.system.predict_clip(frames[middle])
        self._overlaps[clip] = Overlap.of(maps > THRESHOLD, np.asarray(masks[middle]) > 0)

    def on_validation_epoch_end(self) -> None:
        """Scores of all clips of all processes together."""
        by_clip = {clip: each for share in gathered(self._overlaps) for clip, each in share.items()}
        # Sorted, because sums of fractions depend on their order.
        in_order = [by_clip[clip] for clip in sorted(by_clip)]
        every = Overlap(*(np.concatenate(counts) for counts in zip(*in_order, strict=True)))
        self._overlaps = {}
        scores = every.scores()
        best_by = self.settings.best_by
        self.log(best_by, scores.pop(best_by), prog_bar=True)
        self.log_dict(scores)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Adam, its rate divided by 10 again and again."""
        every = self.settings.drop_every_epochs

        def factor(epoch: int) -> float:
            return 0.1 ** ((epoch + 1) // every)  # Lightning counts epochs from 0

        optimiser = Adam(self.network.parameters(), lr=self.settings.learning_rate)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": LambdaLR(optimiser, factor)}}

    def transfer_batch_to_device(
        self,
        batch: Any,  # noqa: ANN401 - a window, or the name of a clip
        device: torch.device,
        dataloader_idx: int,
    ) -> Any:  # noqa: ANN401
        """Windows go to the device, names of clips stay."""
        if isinstance(batch, str):
            return batch
        return super().transfer_batch_to_device(batch, device, dataloader_idx)


def _middle(n_frames: int, wanted: int | None) -> slice:
    """The frames wanted from the middle of a clip."""
    n_taken = n_frames if wanted is None else min(wanted, n_frames)
    start = (n_frames - n_taken) // 2
    return slice(start, start + n_taken)
