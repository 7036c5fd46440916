"""SINet-V2 as a model."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from fgstp.core.config import Settings
from fgstp.models.base import Given, Model
from fgstp.models.differences import difference_batches, with_differences
from fgstp.models.encoder_weights import begin_encoder
from fgstp.models.frames import network_batches, normalised, probabilities
from fgstp.models.losses import hybrid_loss
from fgstp.models.neighbours import OFFSETS_FRAMES, NeighbourMode
from fgstp.models.published import Published, decoder_rules, texture_rules
from fgstp.models.sampling import Batch, Sampling, Windows
from fgstp.models.settings import BackboneSettings, LossSettings, NetworkSettings
from fgstp.models.sinet_v2.network import SinetV2


class SinetV2Settings(NetworkSettings):
    """Settings of SINet-V2.

    Attributes:
        encoder: the encoder, a Res2Net-50 as published, or a transformer.
        differences: show the network a frame and its differences to these two neighbours, instead
            of the frame three times. No part of the published model, but a measure of how much
            is to be had from motion; None, as published: frame by frame.
        loss: what is minimised, at each of the four outputs.
    """

    encoder: BackboneSettings = BackboneSettings()
    differences: NeighbourMode | None = None
    loss: LossSettings = LossSettings()


class SinetV2Model(Model[SinetV2Settings]):
    """Search and identification of camouflaged objects, frame by frame (TPAMI 2022)."""

    settings_class: ClassVar[type[Settings]] = SinetV2Settings
    network: SinetV2

    @property
    def name(self) -> str:
        """`sinet_v2`."""
        return "sinet_v2"

    @property
    def label(self) -> str:
        """`with differences`, if so; else empty."""
        return "with differences" if self.settings.differences else ""

    @property
    def sampling(self) -> Sampling:
        """Single targets, with their neighbours if differences are shown.

        Nothing is shared within a window of several: different clips vary more.
        """
        mode = self.settings.differences
        return Windows(OFFSETS_FRAMES[mode] if mode else (), n_targets=1)

    def _build(self) -> None:
        self.network = SinetV2(self.settings.encoder.name)

    def _load_initial_weights(self) -> None:
        begin_encoder(self.network.encoder.backbone, self.settings.encoder)

    def training_step(self, batch: Batch, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        """One step forward: the structure losses of all four maps; see `Model.training_step`."""
        frames, masks, triples = batch.flat()
        if self.settings.differences:
            maps = self.network(with_differences(frames, triples, self.settings))
        else:
            maps = self.network(normalised(frames, self.settings.normalisation))
        terms = hybrid_loss(maps, masks, (1.0,) * len(maps), self.settings.loss.bce)
        return terms.bce + terms.iou, {"bce": terms.bce.detach(), "iou": terms.iou.detach()}

    def _predict(self, frames: NDArray[np.uint8], given: Given) -> NDArray[np.float32]:
        return np.concatenate([maps.cpu().numpy() for maps in self._maps(frames)])

    def _maps(self, frames: NDArray[np.uint8]) -> Iterator[Tensor]:
        """Maps (B, H, W) of the next frames, in their order."""
        settings, device = self.settings, self.device
        batches = (
            difference_batches(frames, settings, settings.differences, device)
            if settings.differences
            else network_batches(frames, settings, device)
        )
        for batch in batches:
            yield probabilities(self.network(batch).s_3, *frames.shape[1:])


def published(settings: Mapping[str, Any]) -> Published:
    """The published model on a Res2Net, whose classifier of 1000 classes is not used."""
    rules = [
        (r"resnet\.", "encoder.res2net."),
        *texture_rules("", "encoder.reduce."),
        *decoder_rules("", "decoder."),
    ]
    return Published(rules, (r"resnet\.fc\..*",), {"encoder": {"name": "res2net50d"}})
