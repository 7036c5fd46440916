"""Layers that every block is made of."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class Pyramid(NamedTuple):
    """Feature maps of one batch of frames at three levels, finest first.

    Attributes:
        p3: (B, C3, H/8, W/8).
        p4: (B, C4, H/16, W/16).
        p5: (B, C5, H/32, W/32).
    """

    p3: Tensor
    p4: Tensor
    p5: Tensor


class ConvBn(nn.Module):
    """Convolution without bias, then batch normalisation; no activation.

    Zeros are padded so that an odd kernel keeps height and width.

    Args:
        n_in: channels of the input.
        n_out: channels of the output.
        kernel: height and width of the kernel, odd.
        dilation: distance between the taps of the kernel.
    """

    def __init__(
        self, n_in: int, n_out: int, kernel: int | tuple[int, int], dilation: int = 1
    ) -> None:
        super().__init__()
        height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
        self.conv = nn.Conv2d(
            n_in,
            n_out,
            (height, width),
            padding=(dilation * (height // 2), dilation * (width // 2)),
            dilation=dilation,
            bias=False,
        )
        self.bn = nn.BatchNorm2d(n_out)

    def forward(self, x: Tensor) -> Tensor:
        """(B, n_in, H, W) -> (B, n_out, H, W)."""
        return self.bn(self.conv(x))


class TextureEnhancement(nn.Module):
    """Reduces a feature map to few channels that see near and far (TEM, modified RFB).

    Four paths of one, and of 3, 5 and 7 pixels' reach, are merged and added to a plain
    projection: `relu(merge([path_1, path_3, path_5, path_7]) + skip)`. A path of reach k is a
    1 x 1, a 1 x k, a k x 1 and a 3 x 3 convolution with dilation k, and holds no activation.

    Args:
        n_in: channels of the input.
        n_out: channels of the output.
    """

    def __init__(self, n_in: int, n_out: int = 32) -> None:
        super().__init__()
        self.paths = nn.ModuleList(
            [nn.Sequential(ConvBn(n_in, n_out, 1))]
            + [
                nn.Sequential(
                    ConvBn(n_in, n_out, 1),
                    ConvBn(n_out, n_out, (1, reach)),
                    ConvBn(n_out, n_out, (reach, 1)),
                    ConvBn(n_out, n_out, 3, dilation=reach),
                )
                for reach in (3, 5, 7)
            ]
        )
        self.merge = ConvBn(4 * n_out, n_out, 3)
        self.skip = ConvBn(n_in, n_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, n_in, H, W) -> (B, n_out, H, W), not negative."""
        paths = torch.cat([path(x) for path in self.paths], dim=1)
        return functional.relu(self.merge(paths) + self.skip(x))
