"""Residual encoders down to a stride of 16, as networks with a memory use them."""

from typing import Literal, NamedTuple, Self, cast

import timm
from pydantic import Field
from torch import Tensor, nn

from fgstp.footage.settings import Settings
from fgstp.models.encoder import widths

ResNetName = Literal["resnet18", "resnet34", "resnet50"]
BatchNormMode = Literal["train", "frozen"]
N_STAGES = 3


class ResNetSettings(Settings):
    """A residual encoder, and what of it is trained.

    Attributes:
        name: its size.
        batch_norm: `train`, or `frozen`: the stored statistics are used in training too, and
            scale and shift are not trained, as the published trainings have it, which start
            from weights. From scratch the stored statistics are 0 and 1, and the features
            grow from block to block.
        frozen_stages: 0: all is trained; 1: not the stem; 2: neither the stem nor the first
            stage. For trainings that start from weights.
    """

    name: ResNetName = "resnet50"
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
        settings: its size, and what of it is trained.
        n_in: channels of the input.

    Attributes:
        widths: channels of f4, f8 and f16.
    """

    def __init__(self, settings: ResNetSettings, n_in: int = 3) -> None:
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

    def forward(self, frames: Tensor) -> Levels:
        """(B, n_in, H, W), sides multiples of 16 -> maps at three strides."""
        return Levels(*self.body(frames))

    def train(self, mode: bool = True) -> Self:
        """Training or evaluation mode; frozen normalisation stays in evaluation mode."""
        super().train(mode)
        if self._frozen_norms:
            for norm in self._norms():
                norm.eval()
        return self

    def _freeze(self, n_stages: int) -> None:
        parts = [(), ("conv1", "bn1"), ("conv1", "bn1", "layer1")][n_stages]
        for name in parts:
            cast(nn.Module, getattr(self.body, name)).requires_grad_(False)
        if self._frozen_norms:
            for norm in self._norms():
                norm.requires_grad_(False)

    def _norms(self) -> list[nn.Module]:
        return [module for module in self.modules() if isinstance(module, nn.BatchNorm2d)]
