"""Correlation of a frame's features with a neighbour's (CTC)."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from fgstp.models.blocks.layers import ConvBn, Pyramid

Variant = Literal["paper", "released"]
POOLING = (2, 4, 8)  # of the released variant, at P3, P4, P5


class LevelCorrelation(nn.Module):
    """Correlation at one level, E_t of the target with E_n of a neighbour.

    Let x = [E_t, E_n], 2C channels, and delta a 1 x 1 convolution 2C -> C of x.

    `paper`, Eqs 1 to 3: every position (x, y) of the target is compared with every position
    (u, v) of the neighbour, and attends to delta there:

        corr(x, y, u, v) = exp(E_t(x, y) . E_n(u, v)), normalised over (u, v)
        xi(x, y) = sum over (u, v) of corr(x, y, u, v) delta(u, v)

    The paper fixes neither delta nor the convolutions around it; these are those of the
    released network.

    `released`, what the authors' network computes: queries are x, keys and values are x and
    delta, max-pooled. The product of two concatenations is a sum of two products, each of
    a frame with itself; no position of one frame meets a position of the other.

    Both end in z = W xi + x, with W zero at the start, and `reduce(merge([x, z]))`.
    Weights have the same names and shapes in both. The similarities are unscaled products of
    features and reach 100 and more, hence float32 throughout, under autocast too. The
    paper's volume of H W x H W is never stored where torch has a fused kernel.

    Args:
        n_channels: channels C of each frame's features.
        variant: `paper` or `released`.
        pooling: factor of the max-pooling of the released variant; parts that do not fill a
            whole cell are left out, and a map smaller than a cell becomes one cell.
    """

    def __init__(self, n_channels: int, variant: Variant, pooling: int) -> None:
        super().__init__()
        self.variant = variant
        self.pooling = pooling
        self.value = nn.Conv2d(2 * n_channels, n_channels, 1)
        self.project = nn.Conv2d(n_channels, 2 * n_channels, 1)
        for parameter in self.project.parameters():
            nn.init.zeros_(parameter)
        self.merge = nn.Conv2d(4 * n_channels, 2 * n_channels, 1)
        self.reduce = ConvBn(2 * n_channels, n_channels, 3)

    def forward(self, target: Tensor, neighbour: Tensor) -> Tensor:
        """Two maps (B, C, H, W) -> (B, C, H, W) float32."""
        with torch.autocast(target.device.type, enabled=False):
            target, neighbour = target.float(), neighbour.float()
            x = torch.cat([target, neighbour], dim=1)
            if self.variant == "paper":
                attended = _attend(target, neighbour, self.value(x))
            else:
                attended = _attend(x, self._pooled(x), self._pooled(self.value(x)))
            z = self.project(attended) + x
            return self.reduce(self.merge(torch.cat([x, z], dim=1)))

    def _pooled(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        return functional.max_pool2d(x, (min(self.pooling, height), min(self.pooling, width)))


class Correlation(nn.Module):
    """A `LevelCorrelation` with weights of its own at each of three levels of `n_channels`."""

    def __init__(self, n_channels: int, variant: Variant) -> None:
        super().__init__()
        levels = (LevelCorrelation(n_channels, variant, pooling) for pooling in POOLING)
        self.levels = nn.ModuleList(levels)

    def forward(self, target: Pyramid, neighbour: Pyramid) -> Pyramid:
        """Features of the target and of a neighbour -> maps of the same shapes, float32."""
        return Pyramid(
            *(level(*pair) for level, *pair in zip(self.levels, target, neighbour, strict=True))
        )


def _attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attention without scale: query (B, D, H, W), key and value (B, ., h, w) -> (B, C, H, W)."""
    # One head; contiguous, because fused kernels ask for it.
    q, k, v = (
        maps.flatten(2).transpose(1, 2).unsqueeze(1).contiguous()  # B, 1, positions, channels
        for maps in (query, key, value)
    )
    attended = functional.scaled_dot_product_attention(q, k, v, scale=1.0)
    n_batch, _, height, width = query.shape
    return attended.squeeze(1).transpose(1, 2).reshape(n_batch, -1, height, width)
