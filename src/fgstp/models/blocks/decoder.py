"""Decoder: a coarse map from all levels, then refined from the coarsest level to the finest."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from fgstp.models.blocks.layers import ConvBn, Pyramid


class GroupReversal(nn.Module):
    """One step of group-reversal attention (GRA, SINet-V2).

    The features are cut into equal chunks of channels and the one-channel guide is put behind
    each: [x1, y, x2, y, ..., xg, y]. Then `x <- x + relu(conv([...]))`, `y <- y + score(x)`.

    Args:
        n_channels: channels of the features.
        n_groups: chunks; divides `n_channels`.
    """

    def __init__(self, n_channels: int, n_groups: int) -> None:
        super().__init__()
        self.n_groups = n_groups
        self.conv = nn.Conv2d(n_channels + n_groups, n_channels, 3, padding=1)
        self.score = nn.Conv2d(n_channels, 1, 3, padding=1)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Features x (B, C, H, W) and guide y (B, 1, H, W) -> both, refined."""
        n_batch, _, height, width = x.shape
        chunks = x.reshape(n_batch, self.n_groups, -1, height, width)  # B, g, C/g, H, W
        guides = y.unsqueeze(1).expand(-1, self.n_groups, -1, -1, -1)  # B, g, 1, H, W
        mixed = torch.cat([chunks, guides], dim=2).flatten(1, 2)  # B, C + g, H, W
        x = x + functional.relu(self.conv(mixed))
        return x, y + self.score(x)


class ReverseStage(nn.Module):
    """Refines a map of logits with the features of one level, of `n_channels`, a multiple of 4.

    Three steps of 1, 4 and `n_channels` groups start from the reversed guide,
    `y0 = 1 - sigmoid(guide)`, and the result is `y3 + guide`: a term that began as a
    probability is added to logits, as in the published networks.
    """

    def __init__(self, n_channels: int = 32) -> None:
        super().__init__()
        steps = (GroupReversal(n_channels, groups) for groups in (1, 4, n_channels))
        self.steps = nn.ModuleList(steps)

    def forward(self, x: Tensor, guide: Tensor) -> Tensor:
        """Features (B, C, H, W) and logits (B, 1, H, W) -> refined logits (B, 1, H, W)."""
        y = 1.0 - torch.sigmoid(guide)
        for step in self.steps:
            x, y = step(x, y)
        return y + guide


class Maps(NamedTuple):
    """Logits of one batch, in the order in which they are refined.

    Attributes:
        s_g: coarse map of all levels, (B, 1, H/8, W/8).
        s_5: refined with P5, (B, 1, H/32, W/32).
        s_4: refined with P4, (B, 1, H/16, W/16).
        s_3: refined with P3, (B, 1, H/8, W/8).
    """

    s_g: Tensor
    s_5: Tensor
    s_4: Tensor
    s_3: Tensor


class NeighbourConnection(nn.Module):
    """Joins three levels of `n_channels` into one coarse map (NCD, SINet-V2).

    With U the doubling of height and width (bilinear, corners aligned), k a 3 x 3
    convolution with batch normalisation, * element by element:

        a4 = k1(U p5) * p4               b4 = k6([a4, k4(U p5)])
        a3 = k2(U a4) * k3(U p4) * p3    b3 = k7([a3, k5(U b4)])
        S_g = head(k8(b3))
    """

    def __init__(self, n_channels: int = 32) -> None:
        super().__init__()
        widths = [1, 1, 1, 1, 2, 2, 3, 3]  # k1 to k8, in units of n_channels
        self.k = nn.ModuleList([ConvBn(w * n_channels, w * n_channels, 3) for w in widths])
        self.head = nn.Conv2d(3 * n_channels, 1, 1)

    def forward(self, pyramid: Pyramid) -> Tensor:
        """Three levels of C channels -> logits (B, 1, H/8, W/8)."""
        p3, p4, p5 = pyramid
        k1, k2, k3, k4, k5, k6, k7, k8 = self.k
        up_p5 = _doubled(p5)
        a4 = k1(up_p5) * p4
        a3 = k2(_doubled(a4)) * k3(_doubled(p4)) * p3
        b4 = k6(torch.cat([a4, k4(up_p5)], dim=1))
        b3 = k7(torch.cat([a3, k5(_doubled(b4))], dim=1))
        return self.head(k8(b3))


class Decoder(nn.Module):
    """Neighbour connection, then a reverse stage on P5, on P4 and on P3, of `n_channels` each.

    Each stage is guided by the map before it, resized to its level. Gradients flow through
    the guides.
    """

    def __init__(self, n_channels: int = 32) -> None:
        super().__init__()
        self.coarse = NeighbourConnection(n_channels)
        self.stage_5 = ReverseStage(n_channels)
        self.stage_4 = ReverseStage(n_channels)
        self.stage_3 = ReverseStage(n_channels)

    def forward(self, pyramid: Pyramid) -> Maps:
        """Three levels of C channels -> four maps of logits at the levels' own sizes."""
        p3, p4, p5 = pyramid
        s_g = self.coarse(pyramid)
        s_5 = self.stage_5(p5, resized(s_g, p5.shape[-2:]))
        s_4 = self.stage_4(p4, resized(s_5, p4.shape[-2:]))
        s_3 = self.stage_3(p3, resized(s_4, p3.shape[-2:]))
        return Maps(s_g, s_5, s_4, s_3)


def resized(maps: Tensor, size: tuple[int, ...]) -> Tensor:
    """(B, C, h, w) -> (B, C, H, W): bilinear, corners not aligned, no anti-aliasing."""
    return functional.interpolate(maps, size=list(size), mode="bilinear", align_corners=False)


def _doubled(maps: Tensor) -> Tensor:
    return functional.interpolate(maps, scale_factor=2.0, mode="bilinear", align_corners=True)
