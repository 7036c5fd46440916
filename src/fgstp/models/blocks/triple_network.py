"""What the networks have in common that relate a frame to two neighbours."""

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


def neighbours(frame: int, n_frames: int, mode: NeighbourMode) -> tuple[int, int]:
    """The two neighbours of a frame in its clip.

    A neighbour before the first or after the last frame is replaced by the nearest frame
    there is, which at the very end is the target itself: a neighbour in which nothing moves.

    Args:
        frame: number of the target frame, from 0.
        n_frames: frames of the clip.
        mode: where the neighbours lie.

    Returns:
        Numbers of two frames, each in [0, n_frames).
    """
    first, second = (min(max(frame + offset, 0), n_frames - 1) for offset in OFFSETS_FRAMES[mode])
    return first, second


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
    target, first, second = (
        Pyramid(*(level[numbers] for level in features)) for numbers in triples.unbind(1)
    )
    return Triples(target, first, second)


class TripleNetwork(nn.Module, ABC):
    """Segments gas in a target frame with the help of two neighbours.

    With E the encoded features, for each neighbour n:

        R_n = relate(E_target, E_n), maps_n = Decoder(R_n)

    and the fused logits are three linear 3 x 3 convolutions of the two finest maps. Both
    neighbours share all weights and run as one batch. A subclass says what `relate` is: it
    makes the parts of that, then calls `_add_decoder`, so that weights are drawn, and named in
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
            return self.decode(features, features, features, size)
        encoded = self.encode(torch.cat([target, first, second]))
        one, two, three = zip(*(level.chunk(3) for level in encoded), strict=True)
        return self.decode(Pyramid(*one), Pyramid(*two), Pyramid(*three), size)

    def encode(self, frames: Tensor) -> Pyramid:
        """Features of frames, each by itself: a clip's frames need to be encoded once only.

        Args:
            frames: (B, 3, H, W) float32, normalised, of any size.

        Returns:
            Maps of 32 channels at 1/8, 1/16 and 1/32 of the padded size.
        """
        features: Pyramid = self.encoder(padded(frames))
        return features

    def decode(
        self, target: Pyramid, first: Pyramid, second: Pyramid, size: tuple[int, ...]
    ) -> tuple[Tensor, ...]:
        """All nine maps from encoded frames.

        Args:
            target: features of the target frames, B of them.
            first: features of a neighbour of each.
            second: features of another neighbour of each.
            size: height and width of the frames.

        Returns:
            As `forward`.
        """
        whole = padded_size(size)
        one, two = self._pairs(target, first, second)
        maps = [[resized(level, whole) for level in pair] for pair in (one, two)]
        fused = self.fusion(torch.cat([maps[0][-1], maps[1][-1]], dim=1))
        return tuple(cut(level, size) for level in (*maps[0], *maps[1], fused))

    def decode_fused(
        self, target: Pyramid, first: Pyramid, second: Pyramid, size: tuple[int, ...]
    ) -> Tensor:
        """The fused logits alone, (B, 1, H, W): equal to the last of `decode`, for less work."""
        whole = padded_size(size)
        pairs = self._pairs(target, first, second)
        finest = torch.cat([resized(maps.s_3, whole) for maps in pairs], dim=1)
        return cut(self.fusion(finest), size)

    def _pairs(self, target: Pyramid, first: Pyramid, second: Pyramid) -> tuple[Maps, Maps]:
        """Maps of the pair (target, first) and of the pair (target, second)."""
        if not self.uses_neighbours:  # both pairs are the same
            maps = self.decoder(self.relate(target, target))
            return maps, maps
        targets = Pyramid(*(torch.cat([level, level]) for level in target))
        neighbours = Pyramid(*(torch.cat(pair) for pair in zip(first, second, strict=True)))
        both = self.decoder(self.relate(targets, neighbours))
        one, two = zip(*(level.chunk(2) for level in both), strict=True)
        return Maps(*one), Maps(*two)
