"""The networks of SLT-Net (Implicit Motion Handling for Video Camouflaged Object Detection)."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn

from fgstp.models.blocks.correlation import Correlation, Variant
from fgstp.models.blocks.decoder import Decoder, Maps
from fgstp.models.blocks.encoder import STRIDE, PvtName, PyramidEncoder
from fgstp.models.blocks.frames import enlarged, padded, padded_size
from fgstp.models.blocks.layers import Pyramid
from fgstp.models.blocks.losses import BceMode, hybrid_loss
from fgstp.models.blocks.triple_network import TripleNetwork
from fgstp.models.slt_net.self_attention import NormalisedSelfAttention


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


TINY = 1e-8


class LongTermLoss(NamedTuple):
    """Three terms, each a scalar.

    Attributes:
        bce: binary cross-entropy.
        iou: one minus the weighted intersection over union.
        alignment: one minus the enhanced alignment.
    """

    bce: Tensor
    iou: Tensor
    alignment: Tensor


def alignment_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """One minus the enhanced alignment (E-measure) of maps and masks, the mean over the batch.

    With p = sigmoid(logits), G the mask, and means over the pixels of a picture:

        a = p - mean(p), b = G - mean(G)
        xi = (2 a b + 1e-8) / (a^2 + b^2 + 1e-8)
        loss = 1 - mean((1 + xi)^2 / 4)

    Args:
        logits: (B, 1, H, W), computed with as float32.
        masks: (B, 1, H, W) float32 in [0, 1]; may be soft.

    Returns:
        A scalar in [0, 1].
    """
    with torch.autocast(logits.device.type, enabled=False):
        a, b = (x - x.mean((1, 2, 3), keepdim=True) for x in (logits.float().sigmoid(), masks))
        xi = (2 * a * b + TINY) / (a.square() + b.square() + TINY)
        return 1 - ((1 + xi).square() / 4).mean()


def long_term_loss(
    outputs: Sequence[Tensor], masks: Tensor, bce: BceMode = "weighted"
) -> LongTermLoss:
    """Hybrid E-loss: cross-entropy, alignment and IoU, summed over several outputs.

    Args:
        outputs: logits, (B, 1, H, W) each.
        masks: (B, 1, H, W) float32 in [0, 1].
        bce: as for `fgstp.models.blocks.losses.structure_loss`.

    Returns:
        The terms; the loss is their sum.
    """
    masks = masks.float()
    structure = hybrid_loss(outputs, masks, (1.0,) * len(outputs), bce)
    alignment = torch.stack([alignment_loss(logits, masks) for logits in outputs]).sum()
    return LongTermLoss(structure.bce, structure.iou, alignment)
