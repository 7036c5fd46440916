"""WISP as a model."""

import math
from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from fgstp.core.config import Settings
from fgstp.models.base import Model
from fgstp.models.blocks.frames import probabilities
from fgstp.models.blocks.statistics import CHANNELS, InnovationStatistics
from fgstp.models.blocks.steps import Step
from fgstp.models.registry import register
from fgstp.models.sampling import Batch
from fgstp.models.session import TOP_FRACTION, Session
from fgstp.models.settings import OptimisationSettings
from fgstp.models.wisp.augmentation import SequenceAugmentationSettings
from fgstp.models.wisp.network import WispNetwork, wisp_loss
from fgstp.models.wisp.sequences import Sequences, SequenceSettings

LAYOUT = torch.channels_last  # on a CPU a step takes a third less time


class WispLossSettings(Settings):
    """Weights of the loss; see `fgstp.models.wisp.network.wisp_loss`.

    Attributes:
        gas_weight: weight of the pixels of gas in the cross-entropy.
        frame_weight: weight of the term that asks whether a frame holds gas.
    """

    gas_weight: float = Field(2.0, gt=0, le=1000)
    frame_weight: float = Field(0.5, ge=0, le=1000)


class WispSettings(Settings):
    """Settings of WISP.

    Attributes:
        height_px: height of the grid of the statistics, half of that of GasVid's frames.
        width_px: width of the grid.
        width: channels of the network's stem.
        sequence: what it is trained on.
        augmentation: how sequences are changed; the block `train.augmentation` has no effect.
        loss: what is minimised.
        batch_frames: frames of a clip that are predicted at a time.
        optimisation: how the weights are optimised.
    """

    height_px: int = Field(120, ge=16, le=4096)
    width_px: int = Field(160, ge=16, le=4096)
    width: int = Field(16, ge=2, le=512)
    sequence: SequenceSettings = SequenceSettings()
    augmentation: SequenceAugmentationSettings = SequenceAugmentationSettings()
    loss: WispLossSettings = WispLossSettings()
    batch_frames: int = Field(8, ge=1, le=100_000)
    optimisation: OptimisationSettings = OptimisationSettings(
        optimiser="adamw",
        learning_rate=2e-3,
        weight_decay=0.01,
        schedule="polynomial",
        warm_up_fraction=0.03,
        targets_per_step=24,
        ema_decay=0.99,
    )


class WispSession(Session):
    """Statistics of every frame, and the network on those that are wanted."""

    def _begin(self) -> None:
        settings: WispSettings = self.model.settings
        self._statistics = InnovationStatistics(settings.height_px, settings.width_px)
        self._waiting: list[NDArray[np.float32] | None] = []  # channels; None: not wanted

    def _push(self, frame: NDArray[np.uint8]) -> Iterable[NDArray[np.float32] | None]:
        self._waiting.append(self._statistics.update(frame, self._times_s[-1]))
        full = sum(each is not None for each in self._waiting) >= self.batch_frames
        return self._flush() if full else ()

    def _skip(self, frame: NDArray[np.uint8]) -> Iterable[NDArray[np.float32] | None]:
        self._statistics.skip(frame, self._times_s[-1])
        self._waiting.append(None)
        return () if any(each is not None for each in self._waiting) else self._flush()

    def _flush(self) -> Iterable[NDArray[np.float32] | None]:
        waiting, self._waiting = self._waiting, []
        wanted = [each for each in waiting if each is not None]
        maps = iter(self._maps(np.stack(wanted)) if wanted else ())
        return [None if each is None else next(maps) for each in waiting]

    def _maps(self, channels: NDArray[np.float32]) -> NDArray[np.float32]:
        shown = torch.from_numpy(channels).to(self.model.device, memory_format=LAYOUT)
        logits = self.model.network(shown)
        found: NDArray[np.float32] = probabilities(logits, *self.size).cpu().numpy()
        return found


@register("wisp", "WISP", order=120)
class WispModel(Model[WispSettings]):
    """Windowed innovation statistics for plumes: causal, streaming, in seconds."""

    settings_class = WispSettings
    session_class = WispSession
    network: WispNetwork

    def context_s(self, fps_hz: float) -> float:
        """The whole video: it forgets gradually."""
        return math.inf

    @property
    def sampling(self) -> Sequences:
        """Targets with the statistics of a sequence."""
        settings = self.settings
        size = settings.height_px, settings.width_px
        return Sequences(size, settings.sequence, settings.augmentation)

    def _build(self) -> None:
        network = WispNetwork(len(CHANNELS), self.settings.width)
        self.network = network.to(memory_format=LAYOUT)

    def step(self) -> Step:
        """Statistics (1, 10, h, w) -> logits (1, 1, h, w); the statistics stay outside."""
        settings = self.settings
        shape = 1, len(CHANNELS), settings.height_px, settings.width_px
        return Step("statistics", self.network, shape)

    def training_step(self, batch: Batch, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        """One step forward on the statistics of targets; see `Model.training_step`."""
        channels, masks, _ = batch.flat()
        loss = self.settings.loss
        terms = wisp_loss(
            self.network(channels.contiguous(memory_format=LAYOUT)),
            masks,
            gas_weight=loss.gas_weight,
            frame_weight=loss.frame_weight,
            top_fraction=TOP_FRACTION,
        )
        return torch.stack(list(terms.values())).sum(), {
            name: term.detach() for name, term in terms.items()
        }
