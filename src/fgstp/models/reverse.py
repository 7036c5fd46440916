"""Reverse attention: group by group, what a coarse map missed is looked for."""

import torch
from torch import Tensor, nn
from torch.nn import functional


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
    """Refines a map of logits with the features of one level.

    Three steps of 1, 4 and `n_channels` groups start from the reversed guide,
    `y0 = 1 - sigmoid(guide)`, and the result is `y3 + guide`: a term that began as a
    probability is added to logits, as in the published networks.

    Args:
        n_channels: channels of the features, a multiple of 4.
    """

    def __init__(self, n_channels: int = 32) -> None:
        super().__init__()
        self.steps = nn.ModuleList(
            [GroupReversal(n_channels, groups) for groups in (1, 4, n_channels)]
        )

    def forward(self, x: Tensor, guide: Tensor) -> Tensor:
        """Features (B, C, H, W) and logits (B, 1, H, W) -> refined logits (B, 1, H, W)."""
        y = 1.0 - torch.sigmoid(guide)
        for step in self.steps:
            x, y = step(x, y)
        return y + guide
