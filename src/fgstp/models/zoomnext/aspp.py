"""Cascaded atrous pyramid: context of the coarsest level."""

import torch
from torch import Tensor, nn

from fgstp.models.zoomnext.layers import ConvBnRelu


class AtrousPyramid(nn.Module):
    """Reduces a coarse level to few channels that know of their surroundings.

    With n channels of the output, every layer a convolution, normalisation and ReLU:

        [a, b] = split(x), n channels each
        a_1 = near_1(a), a_2 = near_2(a_1), a_3 = near_3(a_2), 3 x 3 with dilation 3
        c = whole(mean of b over all positions), at every position
        y = merge([c, a, a_1, a_2, a_3]), 1 x 1 and then 3 x 3

    In training the normalisation of c sees one value a frame, so a batch must hold two frames.

    Args:
        n_in: channels of the input.
        n_channels: channels n of the output.
    """

    def __init__(self, n_in: int, n_channels: int = 64) -> None:
        super().__init__()
        self.split = ConvBnRelu(n_in, 2 * n_channels, 1)
        self.near = nn.ModuleList(
            [ConvBnRelu(n_channels, n_channels, 3, dilation=3) for _ in range(3)]
        )
        self.whole = ConvBnRelu(n_channels, n_channels, 1)
        self.merge = nn.Sequential(
            ConvBnRelu(5 * n_channels, n_channels, 1), ConvBnRelu(n_channels, n_channels, 3)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, n_in, H, W) -> (B, n_channels, H, W), not negative."""
        a, b = self.split(x).chunk(2, dim=1)
        cascade = [a]
        for near in self.near:
            cascade.append(near(cascade[-1]))
        whole = self.whole(b.mean((2, 3), keepdim=True)).expand_as(a)
        return self.merge(torch.cat([whole, *cascade], dim=1))
