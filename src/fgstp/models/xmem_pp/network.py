"""The network of XMem (arXiv 2207.07115), which XMem++ (arXiv 2307.15958) uses as it is."""

from typing import NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from fgstp.core.config import Settings
from fgstp.models.blocks.encoder import NORM_MOMENTUM, Levels, ResNetEncoder, ResNetSettings
from fgstp.models.blocks.frames import cut, padded
from fgstp.models.xmem_pp.blocks import SQUEEZE, Fuse, GatedUpdate, MaskDecoder

STRIDE = 16  # of the memory's grid: sides are padded to multiples of it
N_VALUE_INPUTS = 5  # three channels of the frame, the mask, and the masks of other objects


class Keys(NamedTuple):
    """Encoding of B frames without any mask. h and w are H/16 and W/16, padded.

    Attributes:
        key: (B, C, h, w).
        shrinkage: (B, 1, h, w), at least 1: sharpness of a position as memory.
        selection: (B, C, h, w) in [0, 1]: weights of its channels as a query.
        f16: (B, C16, h, w) features.
        f8: (B, C8, 2h, 2w) features.
        f4: (B, C4, 4h, 4w) features.
    """

    key: Tensor
    shrinkage: Tensor
    selection: Tensor
    f16: Tensor
    f8: Tensor
    f4: Tensor


class Segmentation(NamedTuple):
    """Decoded frames.

    Attributes:
        sensory: (B, C, h, w): the sensory state after them.
        logits: (B, 2, H, W), of background and gas.
        prob: (B, 1, H, W) in [0, 1]: probability of gas, the softmax of the logits.
    """

    sensory: Tensor
    logits: Tensor
    prob: Tensor


class XmemWidthSettings(Settings):
    """Channels of the network's parts.

    Attributes:
        key: of keys.
        value: of values.
        sensory: of the sensory state.
        coarse: of the decoder at 1/16.
        fine: of the decoder at 1/8 and 1/4.
    """

    key: int = Field(64, ge=1, le=8192)
    value: int = Field(512, ge=SQUEEZE, le=8192)
    sensory: int = Field(64, ge=1, le=8192)
    coarse: int = Field(512, ge=SQUEEZE, le=8192)
    fine: int = Field(256, ge=1, le=8192)


class KeyHead(nn.Module):
    """Predicts key, shrinkage y^2 + 1 and selection sigmoid(y), each by a convolution."""

    def __init__(self, n_in: int, n_key: int) -> None:
        super().__init__()
        self.key = nn.Conv2d(n_in, n_key, 3, padding=1)
        self.shrinkage = nn.Conv2d(n_in, 1, 3, padding=1)
        self.selection = nn.Conv2d(n_in, n_key, 3, padding=1)
        nn.init.orthogonal_(self.key.weight)
        nn.init.zeros_(self.key.bias)  # type: ignore[arg-type]

    def forward(self, f16: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, n_in, h, w) -> (B, n_key, h, w), (B, 1, h, w), (B, n_key, h, w)."""
        return self.key(f16), self.shrinkage(f16).square() + 1.0, self.selection(f16).sigmoid()


class Xmem(nn.Module):
    """Segments one object in frames, with values read from a memory of other frames.

    The caller holds the memory: `XmemSession` in inference, `segment_clips` in training. The two
    encoders take any batch of frames, of one clip or of several. Frames may have any size; see
    `fgstp.models.blocks.frames`. Masks are padded as frames are.

    Args:
        key_encoder, value_encoder, widths: see `XmemSettings`.
        value_norm_momentum: momentum of batch normalisation in the value encoder.
    """

    def __init__(
        self,
        key_encoder: ResNetSettings,
        value_encoder: ResNetSettings,
        widths: XmemWidthSettings,
        value_norm_momentum: float = NORM_MOMENTUM,
    ) -> None:
        super().__init__()
        self.n_sensory = widths.sensory
        self.key_encoder = ResNetEncoder(key_encoder)
        self.value_encoder = ResNetEncoder(
            value_encoder, n_in=N_VALUE_INPUTS, norm_momentum=value_norm_momentum
        )
        n_f16 = self.key_encoder.widths[-1]
        self.key_head = KeyHead(n_f16, widths.key)
        self.value_fuse = Fuse(n_f16 + self.value_encoder.widths[-1], widths.value)
        self.deep_update = GatedUpdate(widths.value, widths.sensory)
        self.decoder = MaskDecoder(
            self.key_encoder.widths, widths.value, widths.sensory, widths.coarse, widths.fine
        )

    def encode_key(self, frames: Tensor) -> Keys:
        """Encode normalised frames (B, 3, H, W) without any mask."""
        f4, f8, f16 = self.key_encoder(padded(frames, STRIDE))
        key, shrinkage, selection = self.key_head(f16)
        return Keys(key, shrinkage, selection, f16, f8, f4)

    def encode_value(
        self, frames: Tensor, f16: Tensor, masks: Tensor, sensory: Tensor, *, deep_update: bool
    ) -> tuple[Tensor, Tensor]:
        """Encode frames with their masks, for the memory.

        Args:
            frames: (B, 3, H, W), normalised.
            f16: their features, from `encode_key`.
            masks: (B, 1, H, W) in [0, 1], true or predicted.
            sensory: (B, n_sensory, h, w).
            deep_update: update the state with the value.

        Returns:
            Values (B, n_value, h, w), and the state.
        """
        others = torch.zeros_like(masks)  # there is one object
        features = self.value_encoder(padded(torch.cat([frames, masks, others], dim=1), STRIDE))
        value = self.value_fuse(f16, features.f16)
        if deep_update:
            sensory = self.deep_update(value, sensory)
        return value, sensory

    def segment(
        self, keys: Keys, readout: Tensor, sensory: Tensor, size: tuple[int, ...], *, update: bool
    ) -> Segmentation:
        """Segment frames.

        Soft aggregation of one object and the background, whose probabilities are p and 1 - p
        with p = sigmoid(l), is a softmax over (-l, l): the probability is sigmoid(2 l). The
        published form computes it from clamped probabilities, whose gradient is 0 beyond
        |l| = 16.

        Args:
            keys: of the frames.
            readout: (B, n_value, h, w): read from memory for them.
            sensory: (B, n_sensory, h, w): the state before them.
            size: height and width of the frames.
            update: update the state with the decoded maps.

        Returns:
            The state, logits and probabilities.
        """
        features = Levels(keys.f4, keys.f8, keys.f16)
        sensory, logit = self.decoder(features, readout, sensory, update=update)
        logit = cut(logit, size).float()
        return Segmentation(sensory, torch.cat([-logit, logit], dim=1), torch.sigmoid(2.0 * logit))

    def no_sensory(self, f16: Tensor) -> Tensor:
        """The sensory state before the first frames: zeros, (B, n_sensory, h, w)."""
        return f16.new_zeros(f16.shape[0], self.n_sensory, *f16.shape[2:])
