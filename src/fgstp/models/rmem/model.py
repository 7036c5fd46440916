"""RMem as a model."""

from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor

from fgstp.core.config import Settings
from fgstp.models.base import Model, Needs
from fgstp.models.encoder_weights import begin_resnet
from fgstp.models.frames import normalised
from fgstp.models.resnet import ResNetSettings
from fgstp.models.rmem.memory import RmemMemorySettings
from fgstp.models.rmem.network import Base, Rmem
from fgstp.models.rmem.session import RmemSession
from fgstp.models.rmem.training import RmemTrainingSettings, clip_loss
from fgstp.models.sampling import Batch, SpreadFrames
from fgstp.models.session import Session
from fgstp.models.settings import GradientClip, NetworkSettings, OptimisationSettings


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
    session_class: type[Session] = RmemSession
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

    def training_step(self, batch: Batch, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        """One step forward on a batch of clips; see `Model.training_step`."""
        loss, parts = clip_loss(
            self.network,
            normalised(batch.frames, self.settings.normalisation),
            (batch.masks.squeeze(2) > 0.5).long(),
            write_every_frames=self.settings.training.write_every_frames,
            progress=progress,
        )
        return loss, {name: part.detach() for name, part in parts.items()}
