"""What the models have in common that relate a frame to two neighbours."""

from collections.abc import Iterator
from typing import Annotated, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from fgstp.models.base import Given, Model
from fgstp.models.correlation import Variant
from fgstp.models.encoder_weights import begin_encoder
from fgstp.models.frames import network_input, normalised, probabilities
from fgstp.models.layers import Pyramid
from fgstp.models.losses import hybrid_loss
from fgstp.models.neighbours import OFFSETS_FRAMES, NeighbourMode
from fgstp.models.sampling import Batch, Sampling, Windows
from fgstp.models.settings import EncoderSettings, LossSettings, NetworkSettings
from fgstp.models.triple_network import TripleNetwork
from fgstp.models.triples import Triples, encoded_triples, pick

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
        variant: what the correlation computes: `paper` (FGSTP's Eqs 1 to 3) or `released` (what
            the authors' network computes).
        neighbours: where the two neighbours of a target frame lie.
        loss: what is minimised.
    """

    encoder: EncoderSettings = EncoderSettings()
    variant: Variant = "paper"
    neighbours: NeighbourMode = "centred"
    loss: TripleLossSettings = TripleLossSettings()


TripleSettingsT = TypeVar("TripleSettingsT", bound=TripleSettings)


class TripleModel(Model[TripleSettingsT]):
    """Trains and predicts with a `TripleNetwork`."""

    @property
    def triple_network(self) -> TripleNetwork:
        """The network that relates a frame to two neighbours: by default the whole."""
        network: TripleNetwork = self.network  # type: ignore[assignment]
        return network

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
        outputs = self.triple_network.decode(*self._encoded(frames, triples), frames.shape[-2:])
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

    def _predict(self, frames: NDArray[np.uint8], given: Given) -> NDArray[np.float32]:
        return np.concatenate([maps.cpu().numpy() for maps in self._maps(frames)])

    def _maps(self, frames: NDArray[np.uint8]) -> Iterator[Tensor]:
        """Maps (B, H, W) of the next targets, in their order."""
        settings, network = self.settings, self.triple_network
        size = settings.height_px, settings.width_px

        def encode(start: int, stop: int) -> Pyramid:
            batch = torch.from_numpy(np.array(frames[start:stop])).to(self.device)
            return network.encode(network_input(batch, *size, settings.normalisation))

        triples = encoded_triples(encode, len(frames), settings.neighbours, settings.batch_frames)
        for target, first, second in triples:
            logits = network.decode_fused(target, first, second, size)
            yield probabilities(logits, *frames.shape[1:])
