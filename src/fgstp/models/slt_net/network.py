"""The networks of SLT-Net (Implicit Motion Handling for Video Camouflaged Object Detection)."""

import math
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from fgstp.models.blocks.correlation import Correlation, Variant
from fgstp.models.blocks.decoder import Decoder, Maps
from fgstp.models.blocks.encoder import STRIDE, PvtName, PyramidEncoder
from fgstp.models.blocks.frames import enlarged, padded, padded_size
from fgstp.models.blocks.layers import Pyramid
from fgstp.models.blocks.triples import TripleNetwork

RADIUS = 3
DILATIONS = (1, 3, 5, 7)  # a head each


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
        self, encoder: PvtName = "pvt_v2_b5", variant: Variant = "released", drop_path: float = 0.0
    ) -> None:
        super().__init__(encoder, drop_path)
        self.ctc = Correlation(self.n_channels, variant)
        self._add_decoder()

    def relate(self, target: Pyramid, neighbour: Pyramid) -> Pyramid:
        """R of the class's equation."""
        related: Pyramid = self.ctc(target, neighbour)
        return related


class NormalisedSelfAttention(nn.Module):
    """Attention to a window around the same place in every frame (PNS-Net, arXiv 2105.08468).

    The channels of query q, key k and value v, 1 x 1 projections of x, are cut into four heads
    of D channels. In head i place (x, y) of a frame looks at the 7 x 7 places (u, v) that lie
    0 to 3 steps of dilation 1, 3, 5 or 7 from it, in every frame s of the clip:

        score(s, u, v) = norm(q(x, y)) . k_s(u, v) / sqrt(D), and 0 outside of the frame
        mixed_i(x, y)  = sum over (s, u, v) of score(s, u, v) v_s(u, v)
        certainty(x, y) = largest softmax of score over (s, u, v), in any of the heads
        y = project([mixed_1 ... mixed_4]) certainty

    The values are weighted by the bare scores, and places outside of the frame take part in the
    softmax: so does the published network. The sums grow with the number of frames. The
    normalisation of q is over D channels and all places of a frame, which fixes their number.
    Float32 throughout, under autocast too, because the bare scores may be large.

    Args:
        n_channels: channels of x, four times D.
        height: of x.
        width: of x.
    """

    def __init__(self, n_channels: int, height: int, width: int) -> None:
        super().__init__()
        self.query, self.key, self.value, self.project = (
            nn.Conv2d(n_channels, n_channels, 1, bias=False) for _ in range(4)
        )
        self.norm = nn.LayerNorm((n_channels // len(DILATIONS), height, width))

    def forward(self, x: Tensor) -> Tensor:
        """Clips (B, T, C, height, width) -> the same shape, float32."""
        n_clips, n_frames, _, *size = x.shape
        with torch.autocast(x.device.type, enabled=False):
            frames = x.float().flatten(0, 1)
            query, key, value = (
                project(frames).reshape(n_clips, n_frames, len(DILATIONS), -1, *size)
                for project in (self.query, self.key, self.value)
            )
            query = self.norm(query)
            heads = [
                _head(query[:, :, head], key[:, :, head], value[:, :, head], dilation)
                for head, dilation in enumerate(DILATIONS)
            ]
            mixed, certainty = zip(*heads, strict=True)
            projected = self.project(torch.cat(mixed, dim=2).flatten(0, 1))
            return projected.reshape(x.shape) * torch.stack(certainty).amax(0)


def _head(query: Tensor, key: Tensor, value: Tensor, dilation: int) -> tuple[Tensor, Tensor]:
    """One head on (B, T, D, H, W): mixed values of that shape, and certainty (B, T, 1, H, W)."""
    keys, values = _windows(key, dilation), _windows(value, dilation)
    scores = torch.einsum("btcp,bscop->btsop", query.flatten(3), keys) / math.sqrt(query.shape[2])
    mixed = torch.einsum("btsop,bscop->btcp", scores, values)
    # The largest softmax, without the others.
    certainty = (scores.amax((2, 3)) - scores.logsumexp((2, 3))).exp()
    n_clips, n_frames, _, *size = query.shape
    return mixed.reshape(query.shape), certainty.reshape(n_clips, n_frames, 1, *size)


def _windows(clips: Tensor, dilation: int) -> Tensor:
    """Windows around each place, zero outside: (B, T, D, H, W) -> (B, T, D, 49, places)."""
    side = 2 * RADIUS + 1
    windows = functional.unfold(
        clips.flatten(0, 1), side, dilation=dilation, padding=RADIUS * dilation
    )
    return windows.reshape(*clips.shape[:3], side * side, -1)


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
    """The short-term and the long-term network, of which one is trained at a time."""

    def __init__(self, short: SltNetShort, long: SltNetLong) -> None:
        super().__init__()
        self.short = short
        self.long = long
        self.train_short()

    def train_short(self) -> None:
        """Train the weights of the short-term network alone."""
        self._short_is_frozen = False
        self.short.requires_grad_(True)
        self.long.requires_grad_(False)

    def train_long(self) -> None:
        """Train the weights of the long-term network alone; the other stays in evaluation mode.

        Encoder and decoder of the long-term network begin as those of the short-term one.
        """
        self.long.encoder.load_state_dict(self.short.encoder.state_dict())
        self.long.decoder.load_state_dict(self.short.decoder.state_dict())
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
    """Maps p (N, H, W) in [0, 1] as SLT-Net keeps them between its stages: (N, H, W) uint8.

    `round(255 (p - min) / (max - min + 1e-8))` with the extremes of each frame.
    """
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    return torch.round(255.0 * (maps - low) / (high - low + 1e-8)).to(torch.uint8)
