"""The network of FGSTP (arXiv 2505.00295)."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from fgstp.models.correlation import Correlation, Variant
from fgstp.models.decoder import Decoder, Maps, resized
from fgstp.models.encoder import STRIDE, PvtName, PyramidEncoder
from fgstp.models.grouped_unit import GroupedUnit
from fgstp.models.layers import Pyramid


class Fgstp(nn.Module):
    """Segments gas in a target frame with the help of two neighbours.

    With E the encoded features, at each level and for each neighbour n:

        R_n = FSP(CTC(E_target, E_n) + E_target), maps_n = Decoder(R_n)

    and the fused logits are three linear 3 x 3 convolutions of the two finest maps. Both
    neighbours share all weights and run as one batch.

    Ablations: without CTC, R = FSP(E_target), and the neighbours are not looked at; without
    FSP, R = CTC(E_target, E_n) + E_target; without both, R = E_target.

    Frames may have any size. Sides that are not multiples of 32 are padded at the right and
    at the bottom by repeating the border, and the maps are cut to the frame again. Resizing
    instead would blur thin plumes and change their shape; padding leaves every pixel of the
    frame as it is, and zeros would be an edge in the picture.

    In training, batch normalisation sees the frames of all three positions, and both pairs,
    as one batch.

    Args:
        encoder: size of the encoder, a name of timm.
        variant: what CTC computes, `paper` or `released`.
        use_ctc: with the correlation.
        use_fsp: with the grouped units.
        drop_path: rate of stochastic depth of the encoder.
    """

    n_channels = 32

    def __init__(
        self,
        encoder: PvtName = "pvt_v2_b5",
        variant: Variant = "paper",
        *,
        use_ctc: bool = True,
        use_fsp: bool = True,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        width = self.n_channels
        self.encoder = PyramidEncoder(encoder, width, drop_path)
        self.ctc = Correlation(width, variant) if use_ctc else None
        self.fsp = nn.ModuleList([GroupedUnit(width) for _ in range(3)]) if use_fsp else None
        self.decoder = Decoder(width)
        self.fusion = nn.Sequential(
            nn.Conv2d(2, width, 3, padding=1),
            nn.Conv2d(width, width, 3, padding=1),
            nn.Conv2d(width, 1, 3, padding=1),
        )

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
        if self.ctc is None:
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
        height, width = frames.shape[-2:]
        bottom, right = -height % STRIDE, -width % STRIDE
        if bottom or right:
            frames = functional.pad(frames, (0, right, 0, bottom), mode="replicate")
        return self.encoder(frames)

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
        padded = _padded(size)
        one, two = self._pairs(target, first, second)
        maps = [[resized(level, padded) for level in pair] for pair in (one, two)]
        fused = self.fusion(torch.cat([maps[0][-1], maps[1][-1]], dim=1))
        return tuple(_cut(level, size) for level in (*maps[0], *maps[1], fused))

    def decode_fused(
        self, target: Pyramid, first: Pyramid, second: Pyramid, size: tuple[int, ...]
    ) -> Tensor:
        """The fused logits alone, (B, 1, H, W): equal to the last of `decode`, for less work."""
        padded = _padded(size)
        pairs = self._pairs(target, first, second)
        finest = torch.cat([resized(maps.s_3, padded) for maps in pairs], dim=1)
        return _cut(self.fusion(finest), size)

    def relate(self, target: Pyramid, neighbour: Pyramid) -> Pyramid:
        """R of the class's equation: the target's features, informed by a neighbour's."""
        related = target
        if self.ctc is not None:
            correlated = self.ctc(target, neighbour)
            related = Pyramid(*(c + e for c, e in zip(correlated, target, strict=True)))
        if self.fsp is not None:
            related = Pyramid(*(unit(r) for unit, r in zip(self.fsp, related, strict=True)))
        return related

    def _pairs(self, target: Pyramid, first: Pyramid, second: Pyramid) -> tuple[Maps, Maps]:
        """Maps of the pair (target, first) and of the pair (target, second)."""
        if self.ctc is None:  # both pairs are the same
            maps = self.decoder(self.relate(target, target))
            return maps, maps
        targets = Pyramid(*(torch.cat([level, level]) for level in target))
        neighbours = Pyramid(*(torch.cat(pair) for pair in zip(first, second, strict=True)))
        both = self.decoder(self.relate(targets, neighbours))
        one, two = zip(*(level.chunk(2) for level in both), strict=True)
        return Maps(*one), Maps(*two)


def _padded(size: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(side + -side % STRIDE for side in size)


def _cut(maps: Tensor, size: tuple[int, ...]) -> Tensor:
    height, width = size
    return maps[..., :height, :width]
