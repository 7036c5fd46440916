"""The networks of SLT-Net (Implicit Motion Handling for Video Camouflaged Object Detection)."""

from typing import Self

import torch
from torch import Tensor, nn

from fgstp.models.correlation import Correlation, Variant
from fgstp.models.decoder import Decoder, Maps
from fgstp.models.encoder import STRIDE, PvtName, PyramidEncoder
from fgstp.models.layers import Pyramid
from fgstp.models.padding import enlarged, padded, padded_size
from fgstp.models.slt_net.self_attention import NormalisedSelfAttention
from fgstp.models.triple_network import TripleNetwork


class SltNetShort(TripleNetwork):
    """The short-term network: FGSTP without grouped units and without the residual.

    With E the encoded features, at each level and for each neighbour n:

        R_n = Correlation(E_target, E_n)

    Args:
        encoder: size of the encoder, a name of timm.
        variant: what the correlation computes, `released` or `paper` (FGSTP's equations).
        drop_path: rate of stochastic depth of the encoder.
    """

    def __init__(
        self,
        encoder: PvtName = "pvt_v2_b5",
        variant: Variant = "released",
        drop_path: float = 0.0,
    ) -> None:
        super().__init__(encoder, drop_path)
        self.ctc = Correlation(self.n_channels, variant)
        self._add_decoder()

    def relate(self, target: Pyramid, neighbour: Pyramid) -> Pyramid:
        """R of the class's equation."""
        related: Pyramid = self.ctc(target, neighbour)
        return related


class SltNetLong(nn.Module):
    """The long-term network: refines the maps of a clip's frames with the help of one another.

    A 1 x 1 convolution makes three channels of a frame and its map, which are encoded frame by
    frame. Of the levels only P4 is refined in time, with f its features and NS an attention:

        h = NS_1(f) + f, P4 = f + NS_2(h) + h

    Args:
        height_px: height of the frames.
        width_px: width of the frames.
        encoder: size of the encoder, a name of timm.
        drop_path: rate of stochastic depth of the encoder.
    """

    n_channels = 32

    def __init__(
        self,
        height_px: int = 256,
        width_px: int = 448,
        encoder: PvtName = "pvt_v2_b5",
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        width = self.n_channels
        height_p4, width_p4 = (side * 2 // STRIDE for side in padded_size((height_px, width_px)))
        self.mix = nn.Conv2d(4, 3, 1)
        self.encoder = PyramidEncoder(encoder, width, drop_path)
        self.attend = nn.ModuleList(
            [NormalisedSelfAttention(width, height_p4, width_p4) for _ in range(2)]
        )
        self.decoder = Decoder(width)

    def forward(self, clips: Tensor) -> Maps:
        """Segment all frames of clips.

        Args:
            clips: (B, T, 4, height_px, width_px) float32: three channels of the frame, and its
                map in [0, 1].

        Returns:
            Four maps of logits (B T, 1, height_px, width_px), clip by clip; the last, S_3, is
            the prediction.
        """
        features = self.encoder(padded(self.mix(clips.flatten(0, 1))))
        p4 = features.p4.reshape(*clips.shape[:2], *features.p4.shape[1:])
        first, second = self.attend
        h = first(p4) + p4
        refined = p4 + second(h) + h
        maps = self.decoder(features._replace(p4=refined.flatten(0, 1)))
        return enlarged(maps, clips.shape[-2:])


class SltNet(nn.Module):
    """Both networks, of which one is trained at a time.

    Args:
        short: the short-term network.
        long: the long-term network.
    """

    def __init__(self, short: SltNetShort, long: SltNetLong) -> None:
        super().__init__()
        self.short = short
        self.long = long
        self.train_short()

    def train_short(self) -> None:
        """The weights of the short-term network alone require a gradient."""
        self._short_is_frozen = False
        self.short.requires_grad_(True)
        self.long.requires_grad_(False)

    def train_long(self) -> None:
        """The weights of the long-term network alone; the other stays in evaluation mode.

        Encoder and decoder of the long-term network begin as those of the short-term one.
        """
        for name in ("encoder", "decoder"):
            begun = self.short.get_submodule(name).state_dict()
            self.long.get_submodule(name).load_state_dict(begun)
        self._short_is_frozen = True
        self.long.requires_grad_(True)
        self.short.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Training or evaluation mode, but for a network that is frozen."""
        super().train(mode)
        if self._short_is_frozen:
            self.short.eval()
        return self


def stretched(maps: Tensor) -> Tensor:
    """Maps as SLT-Net keeps them between its stages: pictures of 8 bits.

    `round(255 (p - min) / (max - min + 1e-8))` with the extremes of each frame.

    Args:
        maps: p, (N, H, W) in [0, 1].

    Returns:
        (N, H, W) uint8.
    """
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    return torch.round(255.0 * (maps - low) / (high - low + 1e-8)).to(torch.uint8)
