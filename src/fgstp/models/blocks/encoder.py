"""Encoders by timm: pyramids with few channels, and residual ones down to a stride of 16."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self, cast

import timm
from pydantic import Field
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from fgstp.core.config import Settings
from fgstp.models.blocks.layers import Pyramid, TextureEnhancement

PvtName = Literal["pvt_v2_b0", "pvt_v2_b1", "pvt_v2_b2", "pvt_v2_b3", "pvt_v2_b4", "pvt_v2_b5"]
EncoderName = Literal[PvtName, "res2net50d"]
Level = Literal[2, 3, 4, 5]  # of stride 4, 8, 16, 32
STRIDE = 32  # of the coarsest level: sides must be multiples of it


def pvt(name: PvtName, levels: Sequence[Level], drop_path: float = 0.0) -> nn.Module:
    """Pyramid vision transformer (PVTv2, arXiv 2106.13797), by timm.

    Args:
        name: its size, a name of timm.
        levels: which levels it gives.
        drop_path: rate of stochastic depth in the last block, in [0, 1); linear over blocks.

    Returns:
        An untrained network that gives maps (B, C, H / 2^level, W / 2^level) of frames
        (B, 3, H, W).
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
        An untrained network that gives maps (B, C, H / 2^level, W / 2^level), levels 3 to 5 of
        512, 1024 and 2048 channels, of frames (B, 3, H, W).
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
        drop_path: rate of stochastic depth of a transformer; see `pvt`.
    """

    def __init__(
        self, name: EncoderName = "pvt_v2_b5", n_channels: int = 32, drop_path: float = 0.0
    ) -> None:
        super().__init__()
        if name == "res2net50d":
            self.res2net = res2net()
        else:
            self.pvt = pvt(name, (3, 4, 5), drop_path)
        reduce = (TextureEnhancement(width, n_channels) for width in widths(self.backbone))
        self.reduce = nn.ModuleList(reduce)

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


ResNetName = Literal["resnet18", "resnet34", "resnet50"]
BatchNormMode = Literal["train", "frozen"]
NORM_MOMENTUM = 0.1  # torch's


class ResNetSettings(Settings):
    """A residual encoder, and which parts of it are trained.

    Attributes:
        name: its size.
        weights: file of weights to start from, of a ResNet of this size by torchvision or timm;
            None starts from scratch. See `fgstp.models.blocks.encoder_weights.begin_encoder`.
        batch_norm: `train`, or `frozen`: the stored statistics are used in training too, and
            scale and shift are not trained. So do the published trainings, which start from
            weights: use it with `weights` or with an imported checkpoint. From scratch the
            stored statistics are 0 and 1, and the features grow from block to block.
        frozen_stages: 0: all is trained; 1: not the stem; 2: neither the stem nor the first
            stage. For trainings that start from weights, as above.
    """

    name: ResNetName = "resnet50"
    weights: Path | None = None
    batch_norm: BatchNormMode = "train"
    frozen_stages: int = Field(0, ge=0, le=2)


class Levels(NamedTuple):
    """Feature maps of frames, finest first.

    Attributes:
        f4: (B, C, H/4, W/4); C is 256 for ResNet-50, 64 for ResNet-18.
        f8: (B, 2 C, H/8, W/8).
        f16: (B, 4 C, H/16, W/16).
    """

    f4: Tensor
    f8: Tensor
    f16: Tensor


class ResNetEncoder(nn.Module):
    """The first three stages of a ResNet (arXiv 1512.03385), by timm.

    Args:
        settings: its size, and which parts of it are trained.
        n_in: channels of the input.
        norm_momentum: share of a batch in the stored statistics of batch normalisation after it.

    Attributes:
        widths: channels of f4, f8 and f16.
    """

    def __init__(
        self, settings: ResNetSettings, n_in: int = 3, *, norm_momentum: float = NORM_MOMENTUM
    ) -> None:
        super().__init__()
        self.body = timm.create_model(
            settings.name,
            pretrained=False,
            features_only=True,
            out_indices=(1, 2, 3),
            in_chans=n_in,
            zero_init_last=False,
        )
        self.widths = widths(self.body)
        self._frozen_norms = settings.batch_norm == "frozen"
        self._freeze(settings.frozen_stages)
        for norm in self._norms():
            norm.momentum = norm_momentum
        self.train()  # without it, frozen normalisation would begin in training mode

    def forward(self, frames: Tensor) -> Levels:
        """(B, n_in, H, W) -> maps at three strides, whose sides are rounded up."""
        return Levels(*self.body(frames))

    def train(self, mode: bool = True) -> Self:
        """Training or evaluation mode; frozen normalisation stays in evaluation mode."""
        super().train(mode)
        if self._frozen_norms:
            for norm in self._norms():
                norm.eval()
        return self

    def _freeze(self, n_stages: int) -> None:
        for name in [(), ("conv1", "bn1"), ("conv1", "bn1", "layer1")][n_stages]:
            self.body.get_submodule(name).requires_grad_(False)
        if self._frozen_norms:
            for norm in self._norms():
                norm.requires_grad_(False)

    def _norms(self) -> list[_BatchNorm]:
        return [module for module in self.modules() if isinstance(module, _BatchNorm)]
