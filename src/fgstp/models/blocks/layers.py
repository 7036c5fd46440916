"""Layers that several networks share."""

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
        stride: distance between the places of the kernel.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        kernel: int | tuple[int, int],
        dilation: int = 1,
        stride: int = 1,
    ) -> None:
        super().__init__()
        height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
        self.conv = nn.Conv2d(
            n_in,
            n_out,
            (height, width),
            padding=(dilation * (height // 2), dilation * (width // 2)),
            dilation=dilation,
            stride=stride,
            bias=False,
        )
        self.bn = nn.BatchNorm2d(n_out)

    def forward(self, x: Tensor) -> Tensor:
        """(B, n_in, H, W) -> (B, n_out, H / stride, W / stride), rounded up."""
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
        self.paths = nn.ModuleList([nn.Sequential(ConvBn(n_in, n_out, 1))])
        for reach in (3, 5, 7):
            path = nn.Sequential(
                ConvBn(n_in, n_out, 1),
                ConvBn(n_out, n_out, (1, reach)),
                ConvBn(n_out, n_out, (reach, 1)),
                ConvBn(n_out, n_out, 3, dilation=reach),
            )
            self.paths.append(path)
        self.merge = ConvBn(4 * n_out, n_out, 3)
        self.skip = ConvBn(n_in, n_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, n_in, H, W) -> (B, n_out, H, W), not negative."""
        paths = torch.cat([path(x) for path in self.paths], dim=1)
        return functional.relu(self.merge(paths) + self.skip(x))


class GroupedUnit(nn.Module):
    """Refines features group by group, each group handing a part on to the next.

    With G = 6 groups of h channels, half of those of the input:

        e = relu(expand(x)), cut into groups e_1 ... e_G
        (keep_j, fork_j, gate_j) = relu(interact_j([e_j, fork_{j-1}])), h channels each
            (no fork before the first group, none out of the last)
        g = softmax over the G h channels of MLP(mean over positions of [gate_1 ... gate_G])
        y = relu(fuse(operator([keep_1 ... keep_G] * g)) + x)

    The gates of a position sum to 1, so each is about 1 / (G h) at the start; the batch
    normalisation in `fuse` restores the scale. FGSTP has no operator; ZoomNeXt's relates the
    frames of a clip.

    Args:
        n_channels: channels of input and output.
        operator: takes and gives the G h gated channels; leaves them as they are if None.
    """

    n_groups = 6

    def __init__(self, n_channels: int = 32, operator: nn.Module | None = None) -> None:
        super().__init__()
        width = self.group_channels = n_channels // 2
        every, last = self.n_groups * width, self.n_groups - 1
        self.expand = ConvBn(n_channels, every, 1)
        self.interact = nn.ModuleList(
            [
                ConvBn(width if j == 0 else 2 * width, width * (2 if j == last else 3), 3)
                for j in range(self.n_groups)
            ]
        )
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(every, width, 1),
            nn.ReLU(),
            nn.Conv2d(width, every, 1),
            nn.Softmax(dim=1),
        )
        self.operator = nn.Identity() if operator is None else operator
        self.fuse = ConvBn(every, n_channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W), not negative."""
        groups = torch.split(functional.relu(self.expand(x)), self.group_channels, dim=1)
        keeps, gates = [], []
        fork: list[Tensor] = []  # what the group before handed on
        for group, interact in zip(groups, self.interact, strict=True):
            mixed = functional.relu(interact(torch.cat([group, *fork], dim=1)))
            keep, *fork, gate = torch.split(mixed, self.group_channels, dim=1)
            keeps.append(keep)
            gates.append(gate)
        gated = torch.cat(keeps, dim=1) * self.gate(torch.cat(gates, dim=1))
        return functional.relu(self.fuse(self.operator(gated)) + x)
