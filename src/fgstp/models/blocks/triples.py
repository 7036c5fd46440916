"""Base of the models that relate a frame to two neighbours, and of their networks."""

from abc import ABC, abstractmethod
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

import torch
from pydantic import Field
from torch import Tensor, nn

from fgstp.models.blocks.correlation import Variant
from fgstp.models.blocks.decoder import Decoder, Maps, resized
from fgstp.models.blocks.encoder import PvtName, PyramidEncoder
from fgstp.models.blocks.encoder_weights import begin_encoder
from fgstp.models.blocks.frames import (
    cut,
    network_input,
    normalised,
    padded,
    padded_size,
    probabilities,
)
from fgstp.models.blocks.layers import Pyramid
from fgstp.models.blocks.losses import hybrid_loss
from fgstp.models.blocks.residuals import ResidualModel, ResidualSession
from fgstp.models.blocks.steps import Step, Tensors, neighbour_step
from fgstp.models.sampling import Batch, Windows
from fgstp.models.session import Session
from fgstp.models.settings import EncoderSettings, InputKind, LossSettings, NetworkSettings

NeighbourMode = Literal["centred", "forward", "causal"]
OFFSETS_FRAMES: dict[NeighbourMode, tuple[int, int]] = {
    "centred": (-1, 1),  # the paper
    "forward": (1, 2),  # the released code
    "causal": (-1, -2),  # live: no frame of the future
}
N_OUTPUTS = 9
NonNegative = Annotated[float, Field(ge=0.0, le=1e6)]


class Triples(NamedTuple):
    """Features of B target frames, and of the first and the second neighbour of each."""

    target: Pyramid
    first: Pyramid
    second: Pyramid


def pick(features: Pyramid, triples: Tensor) -> Triples:
    """Arrange the features of N frames as B triples, by their numbers (B, 3) int64 in [0, N)."""
    numbered = triples.unbind(1)
    return Triples(*(Pyramid(*(level[each] for level in features)) for each in numbered))


class TripleNetwork(nn.Module, ABC):
    """Segments gas in a target frame with the help of two neighbours.

    With E the encoded features, for each neighbour n:

        R_n = relate(E_target, E_n), maps_n = Decoder(R_n)

    and the fused logits are three linear 3 x 3 convolutions of the two finest maps. Both
    neighbours share all weights and run as one batch. A subclass implements `relate`: it
    builds the parts of that, then calls `_add_decoder`, so that weights are drawn, and named in
    the state dict, in the order in which they are used.

    Frames may have any size; see `fgstp.models.blocks.frames`. In training, batch normalisation
    sees the frames of all three positions, and both pairs, as one batch.

    Args:
        encoder: size of the encoder, a name of timm.
        drop_path: rate of stochastic depth of the encoder.

    Attributes:
        uses_neighbours: whether `relate` looks at the neighbour.
    """

    n_channels = 32
    uses_neighbours = True

    def __init__(self, encoder: PvtName = "pvt_v2_b5", drop_path: float = 0.0) -> None:
        super().__init__()
        self.encoder = PyramidEncoder(encoder, self.n_channels, drop_path)

    def _add_decoder(self) -> None:
        width = self.n_channels
        self.decoder = Decoder(width)
        self.fusion = nn.Sequential(
            nn.Conv2d(2, width, 3, padding=1),
            nn.Conv2d(width, width, 3, padding=1),
            nn.Conv2d(width, 1, 3, padding=1),
        )

    @abstractmethod
    def relate(self, target: Pyramid, neighbour: Pyramid) -> Pyramid:
        """R of the class's equation: the target's features, informed by a neighbour's."""

    def forward(self, target: Tensor, first: Tensor, second: Tensor) -> tuple[Tensor, ...]:
        """Segment target frames.

        Args:
            target: (B, 3, H, W) float32, normalised: the frames to segment.
            first: a neighbour of each, of the same shape.
            second: another neighbour of each, of the same shape.

        Returns:
            Nine maps of logits (B, 1, H, W): S_g, S_5, S_4, S_3 of the first pair, the same
            of the second pair, and the fused one, which is the prediction.
        """
        frames = torch.cat([target, first, second]) if self.uses_neighbours else target
        numbers = torch.arange(len(frames), device=target.device).view(-1, len(target)).T
        triples = pick(self.encode(frames), numbers.expand(-1, 3))
        return self.decode(triples, target.shape[-2:])

    def encode(self, frames: Tensor) -> Pyramid:
        """Encode frames, each by itself.

        Args:
            frames: (B, 3, H, W) float32, normalised, of any size.

        Returns:
            Maps of 32 channels at 1/8, 1/16 and 1/32 of the padded size.
        """
        features: Pyramid = self.encoder(padded(frames))
        return features

    def decode(self, triples: Triples, size: tuple[int, ...]) -> tuple[Tensor, ...]:
        """All nine maps, as `forward` returns them, from encoded frames of a size (H, W)."""
        whole = padded_size(size)
        one, two = ([resized(level, whole) for level in pair] for pair in self._pairs(triples))
        fused = self.fusion(torch.cat([one[-1], two[-1]], dim=1))
        return tuple(cut(level, size) for level in (*one, *two, fused))

    def decode_fused(self, triples: Triples, size: tuple[int, ...]) -> Tensor:
        """The fused logits alone, (B, 1, H, W): equal to the last of `decode`, for less work."""
        whole = padded_size(size)
        finest = torch.cat([resized(maps.s_3, whole) for maps in self._pairs(triples)], dim=1)
        return cut(self.fusion(finest), size)

    def _pairs(self, triples: Triples) -> tuple[Maps, Maps]:
        """Maps of the pair (target, first) and of the pair (target, second)."""
        target, first, second = triples
        if not self.uses_neighbours:  # both pairs are the same
            maps = self.decoder(self.relate(target, target))
            return maps, maps
        targets = Pyramid(*(torch.cat([level, level]) for level in target))
        neighbours = Pyramid(*(torch.cat(pair) for pair in zip(first, second, strict=True)))
        both = self.decoder(self.relate(targets, neighbours))
        one, two = zip(*(level.chunk(2) for level in both), strict=True)
        return Maps(*one), Maps(*two)


class TripleLossSettings(LossSettings):
    """The hybrid loss of nine outputs.

    Attributes:
        output_weights: weight of each output, in the network's order.
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
        input: what the network is shown: `frames`, as published, or `residuals`, three of WISP's
            statistics of each frame, which tells how much is due to the input.
        loss: what is minimised.
    """

    encoder: EncoderSettings = EncoderSettings()
    variant: Variant = "paper"
    neighbours: NeighbourMode = "centred"
    input: InputKind = "frames"
    loss: TripleLossSettings = TripleLossSettings()


TripleSettingsT = TypeVar("TripleSettingsT", bound=TripleSettings)


class TripleSession(ResidualSession[Pyramid]):
    """Keeps the features of each frame for as long as it is a neighbour."""

    model: "TripleModel[Any]"

    def encode(self, frames: Tensor) -> list[Pyramid]:
        """Features of frames, levels (C, h, w)."""
        settings = self.model.settings
        size = settings.height_px, settings.width_px
        if not self.model.shows_residuals:
            frames = network_input(frames, *size, settings.normalisation)
        levels = self.model.triple_network.encode(frames)
        return [Pyramid(*each) for each in zip(*(x.unbind() for x in levels), strict=True)]

    def decode(self, groups: list[tuple[Pyramid, ...]]) -> Tensor:
        """Maps of triples."""
        triples = Triples(
            *(
                Pyramid(*(torch.stack(levels) for levels in zip(*frames, strict=True)))
                for frames in zip(*groups, strict=True)
            )
        )
        settings = self.model.settings
        size = settings.height_px, settings.width_px
        return probabilities(self.model.triple_network.decode_fused(triples, size), *self.size)


class TripleModel(ResidualModel[TripleSettingsT]):
    """Trains and predicts with a `TripleNetwork`."""

    session_class: type[Session] = TripleSession

    @property
    def triple_network(self) -> TripleNetwork:
        """The network that relates a frame to two neighbours: by default the whole."""
        network: TripleNetwork = self.network  # type: ignore[assignment]
        return network

    @property
    def offsets_frames(self) -> tuple[int, ...]:
        """Offsets from a frame to its two neighbours; it is both itself if it needs none."""
        if not self.triple_network.uses_neighbours:
            return 0, 0
        return OFFSETS_FRAMES[self.settings.neighbours]

    @property
    def sampling(self) -> Windows:
        """Targets with their neighbours, as frames or as residuals."""
        return self.windows()

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

    def step(self) -> Step:
        """What is shown of a frame, and features of those before -> logits (1, 1, h, w)."""
        network, settings = self.triple_network, self.settings
        size = settings.height_px, settings.width_px

        def encode(frame: Tensor) -> Tensors:
            is_frame = not self.shows_residuals
            return network.encode(normalised(frame, settings.normalisation) if is_frame else frame)

        def decode(*frames: Tensors) -> Tensor:
            triples = Triples(*(Pyramid(*levels) for levels in frames))
            return network.decode_fused(triples, size)

        return neighbour_step(self.shown, network, encode, decode, self.offsets_frames)

    def _encoded(self, frames: Tensor, triples: Tensor) -> Triples:
        """Features of triples of grey frames (N, 1, H, W) in [0, 1], or of residuals."""
        network = self.triple_network
        if not network.uses_neighbours:
            frames = frames[triples[:, 0]]
        if not self.shows_residuals:
            frames = normalised(frames, self.settings.normalisation)
        features = network.encode(frames)
        if network.uses_neighbours:
            return pick(features, triples)
        return Triples(features, features, features)
