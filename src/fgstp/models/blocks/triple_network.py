"""Base of the networks that relate a frame to two neighbours."""

from abc import ABC, abstractmethod
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from fgstp.models.blocks.decoder import Decoder, Maps, resized
from fgstp.models.blocks.encoder import PvtName, PyramidEncoder
from fgstp.models.blocks.frames import cut, padded, padded_size
from fgstp.models.blocks.layers import Pyramid

NeighbourMode = Literal["centred", "forward", "causal"]
OFFSETS_FRAMES: dict[NeighbourMode, tuple[int, int]] = {
    "centred": (-1, 1),  # the paper
    "forward": (1, 2),  # the released code
    "causal": (-1, -2),  # live: no frame of the future
}


class Triples(NamedTuple):
    """Features of some target frames and of their neighbours.

    Attributes:
        target: features of B target frames.
        first: features of the first neighbour of each.
        second: features of the second neighbour of each.
    """

    target: Pyramid
    first: Pyramid
    second: Pyramid


def pick(features: Pyramid, triples: Tensor) -> Triples:
    """Arrange encoded frames as triples.

    Args:
        features: features of N frames.
        triples: (B, 3) int64: numbers of frames, in [0, N).

    Returns:
        Features of B triples.
    """
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

    Frames may have any size; see `fgstp.models.blocks.frames`.

    In training, batch normalisation sees the frames of all three positions, and both pairs,
    as one batch.

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
        size = target.shape[-2:]
        if not self.uses_neighbours:
            features = self.encode(target)
            return self.decode(Triples(features, features, features), size)
        encoded = self.encode(torch.cat([target, first, second]))
        each = zip(*(level.chunk(3) for level in encoded), strict=True)
        return self.decode(Triples(*(Pyramid(*levels) for levels in each)), size)

    def encode(self, frames: Tensor) -> Pyramid:
        """Features of frames, each by itself: a clip's frames need to be encoded once only.

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
        one, two = self._pairs(triples)
        maps = [[resized(level, whole) for level in pair] for pair in (one, two)]
        fused = self.fusion(torch.cat([maps[0][-1], maps[1][-1]], dim=1))
        return tuple(cut(level, size) for level in (*maps[0], *maps[1], fused))

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
