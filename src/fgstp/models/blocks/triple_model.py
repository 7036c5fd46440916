"""Base of the models that relate a frame to two neighbours."""

from typing import Annotated, Any, TypeVar

import torch
from pydantic import Field
from torch import Tensor

from fgstp.models.base import Model
from fgstp.models.blocks.correlation import Variant
from fgstp.models.blocks.encoder_weights import begin_encoder
from fgstp.models.blocks.frames import network_input, normalised, probabilities
from fgstp.models.blocks.layers import Pyramid
from fgstp.models.blocks.losses import hybrid_loss
from fgstp.models.blocks.streams import NeighbourSession
from fgstp.models.blocks.triple_network import (
    OFFSETS_FRAMES,
    NeighbourMode,
    TripleNetwork,
    Triples,
    pick,
)
from fgstp.models.sampling import Batch, Sampling, Windows
from fgstp.models.session import Session
from fgstp.models.settings import EncoderSettings, LossSettings, NetworkSettings

N_OUTPUTS = 9
NonNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


class TripleLossSettings(LossSettings):
    """The hybrid loss of nine outputs.

    Attributes:
        output_weights: weight of each of the nine outputs, in the network's order.
    """

    output_weights: Annotated[
        tuple[NonNegative, ...], Field(min_length=N_OUTPUTS, max_length=N_OUTPUTS)
    ] = (1.0,) * N_OUTPUTS


class TripleSettings(NetworkSettings):
    """Settings of a model that relates a frame to two neighbours.

    Attributes:
        encoder: the encoder.
        variant: form of the correlation: `paper` (FGSTP's Eqs 1 to 3) or `released` (the
            authors' code).
        neighbours: where the two neighbours of a target frame lie.
        loss: what is minimised.
    """

    encoder: EncoderSettings = EncoderSettings()
    variant: Variant = "paper"
    neighbours: NeighbourMode = "centred"
    loss: TripleLossSettings = TripleLossSettings()


TripleSettingsT = TypeVar("TripleSettingsT", bound=TripleSettings)


class TripleSession(NeighbourSession[Pyramid]):
    """Caches the features of each frame for as long as it is a neighbour."""

    model: "TripleModel[Any]"

    def _begin(self) -> None:
        super()._begin()
        settings = self.model.settings
        self.offsets_frames = OFFSETS_FRAMES[settings.neighbours]
        self._network_size = settings.height_px, settings.width_px

    def encode(self, frames: Tensor) -> list[Pyramid]:
        """Features of frames, levels (C, h, w)."""
        normalisation = self.model.settings.normalisation
        shown = network_input(frames, *self._network_size, normalisation)
        levels = self.model.triple_network.encode(shown)
        return [Pyramid(*each) for each in zip(*(x.unbind() for x in levels), strict=True)]

    def decode(self, groups: list[tuple[Pyramid, ...]]) -> Tensor:
        """Maps of triples."""
        triples = Triples(
            *(
                Pyramid(*(torch.stack(levels) for levels in zip(*frames, strict=True)))
                for frames in zip(*groups, strict=True)
            )
        )
        logits = self.model.triple_network.decode_fused(triples, self._network_size)
        return probabilities(logits, *self.size)


class TripleModel(Model[TripleSettingsT]):
    """Trains and predicts with a `TripleNetwork`."""

    session_class: type[Session] = TripleSession

    @property
    def triple_network(self) -> TripleNetwork:
        """The network that relates a frame to two neighbours: by default the whole."""
        network: TripleNetwork = self.network  # type: ignore[assignment]
        return network

    def context_s(self, fps_hz: float) -> float:
        """As far as its neighbours reach back."""
        return max(0, -min(OFFSETS_FRAMES[self.settings.neighbours])) / fps_hz

    @property
    def delay_frames(self) -> int:
        """As far as its neighbours reach ahead."""
        return max(0, *OFFSETS_FRAMES[self.settings.neighbours])

    @property
    def sampling(self) -> Sampling:
        """Targets and their two neighbours."""
        return Windows(OFFSETS_FRAMES[self.settings.neighbours])

    def _load_initial_weights(self) -> None:
        begin_encoder(self.triple_network.encoder.backbone, self.settings.encoder)

    def training_step(self, batch: Batch, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        """One step forward on a batch of windows; see `Model.training_step`.

        Frames that several targets of a window share are encoded once.
        """
        frames, masks, triples = batch.flat()
        outputs = self.triple_network.decode(self._encoded(frames, triples), frames.shape[-2:])
        settings = self.settings.loss
        terms = hybrid_loss(outputs, masks, settings.output_weights, settings.bce)
        return terms.bce + terms.iou, {"bce": terms.bce.detach(), "iou": terms.iou.detach()}

    def _encoded(self, frames: Tensor, triples: Tensor) -> Triples:
        """Features of triples of grey frames (N, 1, H, W) in [0, 1]."""
        network, normalisation = self.triple_network, self.settings.normalisation
        if network.uses_neighbours:
            return pick(network.encode(normalised(frames, normalisation)), triples)
        features = network.encode(normalised(frames[triples[:, 0]], normalisation))
        return Triples(features, features, features)
