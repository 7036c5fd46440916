"""Layers that every block is made of."""

from typing import NamedTuple

from torch import Tensor, nn


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
