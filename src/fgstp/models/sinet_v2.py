"""SINet-V2 (Concealed Object Detection, TPAMI 2022): its network, and it as a model."""

from collections.abc import Mapping
from typing import Any, Self

import torch
from pydantic import model_validator
from torch import Tensor, nn

from fgstp.models.blocks.decoder import Decoder, Maps
from fgstp.models.blocks.encoder import EncoderName, PyramidEncoder
from fgstp.models.blocks.encoder_weights import begin_encoder
from fgstp.models.blocks.frames import (
    at_size,
    enlarged,
    grey_levels,
    normalised,
    padded,
    probabilities,
)
from fgstp.models.blocks.losses import hybrid_loss
from fgstp.models.blocks.residuals import ResidualModel, ResidualSession
from fgstp.models.blocks.steps import Step, Tensors, neighbour_step
from fgstp.models.blocks.triples import OFFSETS_FRAMES, NeighbourMode
from fgstp.models.published import Published, decoder_rules, texture_rules
from fgstp.models.registry import register
from fgstp.models.sampling import Batch, Sampling
from fgstp.models.settings import BackboneSettings, InputKind, LossSettings, NetworkSettings

UNIT = 1 / 30  # of a difference: some eight grey levels, as moving gas makes


class SinetV2(nn.Module):
    """Segments a frame by itself: the encoder's features go straight to the decoder.

    Frames may have any size; see `fgstp.models.blocks.frames`.

    Args:
        encoder: which backbone, a name of timm.
    """

    def __init__(self, encoder: EncoderName = "res2net50d") -> None:
        super().__init__()
        self.encoder = PyramidEncoder(encoder)
        self.decoder = Decoder()

    def forward(self, frames: Tensor) -> Maps:
        """Segment frames.

        Args:
            frames: (B, 3, H, W) float32, normalised.

        Returns:
            Four maps of logits (B, 1, H, W); the last, S_3, is the prediction.
        """
        return enlarged(self.decoder(self.encoder(padded(frames))), frames.shape[-2:])


def with_differences(grey: Tensor, triples: Tensor, settings: NetworkSettings) -> Tensor:
    """Target frames, and their differences to two neighbours, as three channels.

    Args:
        grey: (N, 1, H, W) in [0, 1].
        triples: (M, 3) int64: a target and its neighbours, as numbers in [0, N).
        settings: of the model; its normalisation is that of the first channel.

    Returns:
        (M, 3, H, W): the target, normalised, and target minus each neighbour in units of `UNIT`.
    """
    target, first, second = (grey[numbers] for numbers in triples.unbind(1))
    normalisation = settings.normalisation
    shown = (target - normalisation.mean[0]) / normalisation.std[0]
    return torch.cat([shown, (target - first) / UNIT, (target - second) / UNIT], dim=1)


class SinetV2Settings(NetworkSettings):
    """Settings of SINet-V2.

    Attributes:
        encoder: the encoder, a Res2Net-50 as published, or a transformer.
        input: what the network is shown: `frames`, as published, or `residuals`, three of WISP's
            statistics of each frame.
        differences: show the network a frame and its differences to these two neighbours, instead
            of the frame three times. Not part of the published model, but a measure of what
            motion contributes; None, as published: frame by frame.
        loss: what is minimised, at each of the four outputs.
    """

    encoder: BackboneSettings = BackboneSettings()
    input: InputKind = "frames"
    differences: NeighbourMode | None = None
    loss: LossSettings = LossSettings()

    @model_validator(mode="after")
    def _differences_are_of_frames(self) -> Self:
        if self.input == "residuals" and self.differences:
            raise ValueError("differences are of frames; leave them out with residuals")
        return self


class SinetV2Session(ResidualSession[Tensor]):
    """Frame by frame, or with the neighbours that a frame's differences are taken to."""

    model: "SinetV2Model"

    def encode(self, frames: Tensor) -> list[Tensor]:
        """Grey frames (1, h, w) in [0, 1] at the network's size, or residuals (3, h, w)."""
        if self.model.shows_residuals:
            return list(frames)
        return list(at_size(grey_levels(frames), *self.model.sample_size))

    def decode(self, groups: list[tuple[Tensor, ...]]) -> Tensor:
        """Maps of frames."""
        grey = torch.stack([frame for group in groups for frame in group])
        numbers = torch.arange(len(grey), device=grey.device).view(len(groups), -1)
        return probabilities(self.model.maps(grey, numbers).s_3, *self.size)


def published(settings: Mapping[str, Any]) -> Published:
    """The published model on a Res2Net, whose classifier of 1000 classes is not used."""
    rules = [
        (r"resnet\.", "encoder.res2net."),
        *texture_rules("", "encoder.reduce."),
        *decoder_rules("", "decoder."),
    ]
    return Published(rules, (r"resnet\.fc\..*",), {"encoder": {"name": "res2net50d"}})


@register(
    "sinet_v2", "SINet-V2", paper="TPAMI 2022, arXiv 2102.10274", order=30, published=published
)
class SinetV2Model(ResidualModel[SinetV2Settings]):
    """Search and identification of camouflaged objects, frame by frame (TPAMI 2022)."""

    settings_class = SinetV2Settings
    session_class = SinetV2Session
    network: SinetV2

    @property
    def label(self) -> str:
        """`with differences` or `on residuals`, if so; else empty."""
        return "with differences" if self.settings.differences else super().label

    @property
    def offsets_frames(self) -> tuple[int, ...]:
        """Offsets from a frame to the neighbours that differences are taken to."""
        mode = self.settings.differences
        return OFFSETS_FRAMES[mode] if mode else ()

    @property
    def sampling(self) -> Sampling:
        """Single targets, with their neighbours if differences are shown.

        Nothing is shared within a window of several: different clips vary more.
        """
        return self.windows(n_targets=1)

    def _build(self) -> None:
        self.network = SinetV2(self.settings.encoder.name)

    def _load_initial_weights(self) -> None:
        begin_encoder(self.network.encoder.backbone, self.settings.encoder)

    def training_step(self, batch: Batch, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        """One step forward: the structure losses of all four maps; see `Model.training_step`."""
        frames, masks, triples = batch.flat()
        maps = self.maps(frames, triples)
        terms = hybrid_loss(maps, masks, (1.0,) * len(maps), self.settings.loss.bce)
        return terms.bce + terms.iou, {"bce": terms.bce.detach(), "iou": terms.iou.detach()}

    def step(self) -> Step:
        """What is shown of a frame, and of its neighbours for differences -> logits."""

        def encode(frame: Tensor) -> Tensors:
            return (frame,)

        def decode(*frames: Tensors) -> Tensor:
            shown = torch.cat([frame for (frame,) in frames])
            return self.maps(shown, torch.arange(len(shown)).unsqueeze(0)).s_3

        return neighbour_step(self.shown, self.network, encode, decode, self.offsets_frames)

    def maps(self, grey: Tensor, targets: Tensor) -> Maps:
        """Maps of targets, and of their neighbours' differences to them; see `Batch.targets`."""
        if self.shows_residuals:
            return self.network(grey)
        if self.settings.differences:
            return self.network(with_differences(grey, targets, self.settings))
        return self.network(normalised(grey, self.settings.normalisation))
