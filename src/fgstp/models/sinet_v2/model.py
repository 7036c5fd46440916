"""SINet-V2 as a model."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from fgstp.core.config import Settings
from fgstp.models.base import Model
from fgstp.models.differences import with_differences
from fgstp.models.encoder_weights import begin_encoder
from fgstp.models.frames import at_size, grey_levels, normalised, probabilities
from fgstp.models.losses import hybrid_loss
from fgstp.models.neighbours import OFFSETS_FRAMES, NeighbourMode
from fgstp.models.published import Published, decoder_rules, texture_rules
from fgstp.models.sampling import Batch, Sampling, Windows
from fgstp.models.session import Session
from fgstp.models.settings import BackboneSettings, LossSettings, NetworkSettings
from fgstp.models.sinet_v2.network import SinetV2
from fgstp.models.streams import NeighbourSession


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


class SinetV2Session(NeighbourSession[Tensor]):
    """Frame by frame, or with the neighbours that a frame's differences are taken to."""

    model: "SinetV2Model"

    def _begin(self) -> None:
        super()._begin()
        mode = self.model.settings.differences
        self.offsets_frames = OFFSETS_FRAMES[mode] if mode else ()

    def encode(self, frames: Tensor) -> list[Tensor]:
        """Grey frames (1, h, w) in [0, 1] at the network's size."""
        settings = self.model.settings
        return list(at_size(grey_levels(frames), settings.height_px, settings.width_px))

    def decode(self, groups: list[tuple[Tensor, ...]]) -> Tensor:
        """Maps of frames."""
        settings, n_groups = self.model.settings, len(groups)
        grey = torch.stack([frame for frames in zip(*groups, strict=True) for frame in frames])
        if settings.differences:
            triples = torch.arange(len(grey), device=grey.device).view(3, n_groups).T
            shown = with_differences(grey, triples, settings)
        else:
            shown = normalised(grey, settings.normalisation)
        return probabilities(self.model.network(shown).s_3, *self.size)


class SinetV2Model(Model[SinetV2Settings]):
    """Search and identification of camouflaged objects, frame by frame (TPAMI 2022)."""

    settings_class: ClassVar[type[Settings]] = SinetV2Settings
    session_class: type[Session] = SinetV2Session
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


def published(settings: Mapping[str, Any]) -> Published:
    """The published model on a Res2Net, whose classifier of 1000 classes is not used."""
    rules = [
        (r"resnet\.", "encoder.res2net."),
        *texture_rules("", "encoder.reduce."),
        *decoder_rules("", "decoder."),
    ]
    return Published(rules, (r"resnet\.fc\..*",), {"encoder": {"name": "res2net50d"}})
