"""Residual encoders down to a stride of 16, as networks with a memory use them."""

from pathlib import Path
from typing import Literal, NamedTuple, Self, cast

import timm
from pydantic import Field
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from fgstp.core.config import Settings
from fgstp.models.blocks.encoder import widths

ResNetName = Literal["resnet18", "resnet34", "resnet50"]
BatchNormMode = Literal["train", "frozen"]
NORM_MOMENTUM = 0.1  # torch's


class ResNetSettings(Settings):
    """A residual encoder, and what of it is trained.

    Attributes:
        name: its size.
        weights: file of weights to start from, of a ResNet of this size by torchvision or timm;
            None starts from scratch. See `fgstp.models.blocks.encoder_weights.load_resnet_weights`.
        batch_norm: `train`, or `frozen`: the stored statistics are used in training too, and
            scale and shift are not trained, as the published trainings have it, which start
            from weights; so give `weights`, or use it with a checkpoint that was imported.
            From scratch the stored statistics are 0 and 1, and the features
            grow from block to block.
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
        settings: its size, and what of it is trained.
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
        self.train(self.training)  # a network begins in training mode without being told

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
        parts = [(), ("conv1", "bn1"), ("conv1", "bn1", "layer1")][n_stages]
        for name in parts:
            cast(nn.Module, getattr(self.body, name)).requires_grad_(False)
        if self._frozen_norms:
            for norm in self._norms():
                norm.requires_grad_(False)

    def _norms(self) -> list[_BatchNorm]:
        return [module for module in self.modules() if isinstance(module, _BatchNorm)]
