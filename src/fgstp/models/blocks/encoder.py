"""Encoder: a backbone, its three coarser levels reduced to few channels."""

from collections.abc import Sequence
from typing import Any, Literal, cast

import timm
from torch import Tensor, nn

from fgstp.models.blocks.layers import Pyramid, TextureEnhancement

PvtName = Literal["pvt_v2_b0", "pvt_v2_b1", "pvt_v2_b2", "pvt_v2_b3", "pvt_v2_b4", "pvt_v2_b5"]
EncoderName = Literal[PvtName, "res2net50d"]
Level = Literal[2, 3, 4, 5]  # of stride 4, 8, 16, 32
STRIDE = 32  # of the coarsest level: sides must be multiples of it


def pvt(name: PvtName, levels: Sequence[Level], drop_path: float = 0.0) -> nn.Module:
    """A pyramid vision transformer without weights of its own (PVTv2, arXiv 2106.13797), by timm.

    Args:
        name: its size, a name of timm.
        levels: which levels it gives.
        drop_path: rate of stochastic depth in the last block, in [0, 1); linear over blocks.

    Returns:
        A network that gives maps (B, C, H / 2^level, W / 2^level) of frames (B, 3, H, W).
    """
    return timm.create_model(
        name,
        pretrained=False,
        features_only=True,
        out_indices=tuple(level - 2 for level in levels),
        drop_path_rate=drop_path,
    )


def res2net() -> nn.Module:
    """Res2Net-50 (arXiv 1904.01169) with the stem and shortcuts of its version 1b, by timm.

    Returns:
        A network without weights of its own, that gives maps of 512, 1024 and 2048 channels
        (B, C, H / 2^level, W / 2^level), levels 3 to 5, of frames (B, 3, H, W).
    """
    return timm.create_model(
        "res2net50d",
        pretrained=False,
        features_only=True,
        out_indices=(2, 3, 4),
        zero_init_last=False,  # as published; timm would begin every block as an identity
    )


def widths(backbone: nn.Module) -> list[int]:
    """Channels of each level that a `features_only` network of timm gives."""
    channels: list[int] = cast(Any, backbone).feature_info.channels()  # such as 128, 320, 512
    return channels


class PyramidEncoder(nn.Module):
    """A backbone and a texture enhancement on each of its three coarser levels.

    The backbone is a PVTv2 (arXiv 2106.13797), called `pvt` among the weights, or a Res2Net-50,
    called `res2net`. Every frame is encoded by itself; only batch normalisation, in training,
    sees the other frames of a batch: that of the reduction, and Res2Net's.

    Args:
        name: which backbone, a name of timm.
        n_channels: channels of each level.
        drop_path: rate of stochastic depth in the last block of a transformer, in [0, 1);
            linear over blocks.
    """

    def __init__(
        self, name: EncoderName = "pvt_v2_b5", n_channels: int = 32, drop_path: float = 0.0
    ) -> None:
        super().__init__()
        if name == "res2net50d":
            self.res2net = res2net()
        else:
            self.pvt = pvt(name, (3, 4, 5), drop_path)
        self.reduce = nn.ModuleList(
            [TextureEnhancement(width, n_channels) for width in widths(self.backbone)]
        )

    @property
    def backbone(self) -> nn.Module:
        """The transformer or the Res2Net."""
        return self.pvt if hasattr(self, "pvt") else self.res2net

    def forward(self, frames: Tensor) -> Pyramid:
        """Encode frames.

        Args:
            frames: (B, 3, H, W) float32, normalised; H and W multiples of 32.

        Returns:
            Maps of `n_channels` channels at 1/8, 1/16 and 1/32 of the frames' size.
        """
        levels = self.backbone(frames)
        return Pyramid(*(reduce(level) for reduce, level in zip(self.reduce, levels, strict=True)))
