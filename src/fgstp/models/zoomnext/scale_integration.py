"""Multi-head scale integration: three zooms of a level become one."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from fgstp.models.decoder import resized
from fgstp.models.zoomnext.layers import ConvBnRelu

N_SCALES = 3


class ScaleIntegration(nn.Module):
    """MHSIU: at every position and in every head, a weighted mean of the three zooms.

    The large zoom is pooled to the size of the middle one, maximum plus mean, and the small
    one is resized to it, each after a convolution of its own. With L, M and S the three after
    one more convolution each, and h channels a head:

        A = compare([L, M, S]), V = content([L, M, S]), cut into heads of 3 h channels each
        w = softmax over the zooms of weigh(A), the same layers for all heads
        y = w_L V_L + w_M V_M + w_S V_S, of all heads side by side

    Args:
        n_channels: channels of each zoom and of the output, a multiple of `n_heads`.
        n_heads: heads.
    """

    def __init__(self, n_channels: int = 64, n_heads: int = 4) -> None:
        super().__init__()
        n, head = n_channels, n_channels // n_heads
        self.n_heads = n_heads
        self.before_pooling = ConvBnRelu(n, n, 3)
        self.before_resizing = ConvBnRelu(n, n, 3)
        self.large = ConvBnRelu(n, n, 3)
        self.middle = ConvBnRelu(n, n, 3)
        self.small = ConvBnRelu(n, n, 3)
        self.compare = ConvBnRelu(N_SCALES * n, N_SCALES * n, 1)
        self.content = ConvBnRelu(N_SCALES * n, N_SCALES * n, 1)
        self.weigh = nn.Sequential(
            ConvBnRelu(N_SCALES * head, head, 1),
            ConvBnRelu(head, head, 3),
            nn.Conv2d(head, N_SCALES, 1),
        )

    def forward(self, large: Tensor, middle: Tensor, small: Tensor) -> Tensor:
        """Integrate three zooms.

        Args:
            large: (B, n_channels, H_l, W_l).
            middle: (B, n_channels, H, W).
            small: (B, n_channels, H_s, W_s).

        Returns:
            (B, n_channels, H, W), not negative.
        """
        height, width = middle.shape[-2:]
        size = height, width
        large = self.before_pooling(large)
        pooled = functional.adaptive_max_pool2d(large, size)
        pooled = pooled + functional.adaptive_avg_pool2d(large, size)
        small = resized(self.before_resizing(small), size)
        scales = torch.cat([self.large(pooled), self.middle(middle), self.small(small)], dim=1)

        compared = self._heads(self.compare(scales)).flatten(1, 2)
        weights = self.weigh(compared).softmax(dim=1).unsqueeze(2)
        mixed = (weights * self._heads(self.content(scales))).sum(dim=1)
        return torch.unflatten(mixed, 0, (-1, self.n_heads)).flatten(1, 2)

    def _heads(self, x: Tensor) -> Tensor:
        """(B, 3 heads h, H, W), zooms outermost -> (B heads, 3, h, H, W)."""
        heads = torch.unflatten(x, 1, (N_SCALES, self.n_heads, -1)).transpose(1, 2)
        return heads.flatten(0, 1)
