"""RMem as a model."""

from collections.abc import Iterator
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from fgstp.core.config import Settings
from fgstp.models.base import Given, Model, Needs
from fgstp.models.encoder_weights import begin_resnet
from fgstp.models.frames import network_batches, normalised
from fgstp.models.given_masks import followed, resized_mask
from fgstp.models.resnet import ResNetSettings
from fgstp.models.rmem.memory import RmemMemorySettings, write_every_frames
from fgstp.models.rmem.network import Base, Encoded, Rmem
from fgstp.models.rmem.session import RmemSession, label_probabilities
from fgstp.models.rmem.training import RmemTrainingSettings, clip_loss
from fgstp.models.sampling import SpreadFrames
from fgstp.models.settings import GradientClip, NetworkSettings, OptimisationSettings
from fgstp.models.triples import TripleBatch


class RmemSettings(NetworkSettings):
    """Settings of RMem.

    Attributes:
        base: `aotl`, which the paper builds on, or `deaotl`, which the published scripts do.
        encoder: the encoder.
        width: channels of tokens; the other widths follow from it.
        n_layers: blocks.
        n_identities: objects that the network can tell apart; one of them is used.
        memory: limits of the memory.
        training: samples of the training, and regularisation.
        output: `label`: maps are 0 or 1, as in the published evaluation, or `soft`: the
            probability of not being background.
    """

    base: Base = "aotl"
    encoder: ResNetSettings = ResNetSettings()
    width: int = Field(256, ge=16, multiple_of=16)
    n_layers: int = Field(3, ge=1)
    n_identities: int = Field(10, ge=1)
    memory: RmemMemorySettings = RmemMemorySettings()
    training: RmemTrainingSettings = RmemTrainingSettings()
    output: Literal["label", "soft"] = "label"
    optimisation: OptimisationSettings = OptimisationSettings(
        optimiser="adamw",
        weight_decay=0.07,
        schedule="polynomial",
        warm_up_fraction=0.05,
        targets_per_step=32,
        gradient_clip=GradientClip(by="norm", at=5.0),
        ema_decay=0.999,
    )


class RmemModel(Model[RmemSettings]):
    """Restricted memory (RMem, arXiv 2406.08476): gas is followed from a frame's given mask on."""

    settings_class: ClassVar[type[Settings]] = RmemSettings
    undecayed: ClassVar[tuple[str, ...]] = (
        *("head.out.weight", "short_attention.bias.weight"),
        *("temporal.query", "temporal.slots"),
    )
    encoders: ClassVar[tuple[str, ...]] = ("encoder",)
    network: Rmem

    @property
    def name(self) -> str:
        """`rmem`."""
        return "rmem"

    @property
    def needs(self) -> Needs:
        """The mask of one frame."""
        return "first_mask"

    @property
    def sampling(self) -> SpreadFrames:
        """Frames of a clip in their order or backwards, the first with enough gas."""
        training = self.settings.training
        return SpreadFrames(
            training.n_frames,
            largest_step=((0.0, training.max_frame_gap),),
            reverse_fraction=training.reverse_fraction,
            first_gas_px=training.first_gas_px,
            attempts=training.attempts,
        )

    @property
    def label(self) -> str:
        """`AOT-L` or `DeAOT-L`."""
        return {"aotl": "AOT-L", "deaotl": "DeAOT-L"}[self.settings.base]

    def _build(self) -> None:
        settings = self.settings
        self.network = Rmem(
            settings.encoder,
            settings.base,
            settings.width,
            n_layers=settings.n_layers,
            n_identities=settings.n_identities,
            drop_path=settings.training.drop_path,
            dropout=settings.training.dropout,
        )

    def _load_initial_weights(self) -> None:
        begin_resnet(self.network.encoder, self.settings.encoder)

    def training_step(
        self, batch: TripleBatch, progress: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """One step forward on a batch of clips; see `Model.training_step`."""
        loss, parts = clip_loss(
            self.network,
            normalised(batch.frames, self.settings.normalisation),
            (batch.masks.squeeze(2) > 0.5).long(),
            write_every_frames=self.settings.training.write_every_frames,
            progress=progress,
        )
        return loss, {name: part.detach() for name, part in parts.items()}

    def _predict(self, frames: NDArray[np.uint8], given: Given) -> NDArray[np.float32]:
        return followed(frames, given, self._later_maps)

    def _later_maps(
        self, frames: NDArray[np.uint8], first_mask: NDArray[np.bool_]
    ) -> Iterator[Tensor]:
        """Maps (H, W) of the frames but the first, whose mask is given."""
        settings = self.settings
        size = settings.height_px, settings.width_px
        encoded = self._encoded(frames)
        gas = torch.from_numpy(first_mask).to(self.device)
        every = settings.memory.write_every_frames or write_every_frames(len(frames))
        session = RmemSession(
            self.network,
            bank_frames=settings.memory.bank_frames,
            write_every_frames=every,
            always_score=settings.base == "deaotl",
        )
        session.start(next(encoded), _labels(gas, size))
        for frame in encoded:
            segmented = session.propagate(frame)
            p = label_probabilities(segmented, frames.shape[1:])
            gas = p.argmax(0) > 0
            session.write(segmented, _labels(gas, size))
            yield gas if settings.output == "label" else 1.0 - p[0]

    def _encoded(self, frames: NDArray[np.uint8]) -> Iterator[Encoded]:
        """Features of each frame; a few frames are encoded together."""
        for batch in network_batches(frames, self.settings, self.device):
            encoded = self.network.encode(batch)
            yield from (encoded.part(i, i + 1) for i in range(len(batch)))


def _labels(gas: Tensor, size: tuple[int, int]) -> Tensor:
    """A mask (H, W) bool as labels (1, h, w) int64 at the network's size."""
    return resized_mask(gas, size).long().unsqueeze(0)
