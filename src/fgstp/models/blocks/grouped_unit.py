"""Grouped perception unit: FGSTP's FSP and ZoomNeXt's RGPU."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from fgstp.models.blocks.layers import ConvBn


class GroupedUnit(nn.Module):
    """Refines features group by group, each group handing a part on to the next.

    With h channels a group:

        e = relu(expand(x)), cut into groups e_1 ... e_G of h channels
        (keep_j, fork_j, gate_j) = relu(interact_j([e_j, fork_{j-1}])), h channels each
            (no fork before the first group, none out of the last)
        g = softmax over the G h channels of MLP(mean over positions of [gate_1 ... gate_G])
        y = relu(fuse(operator([keep_1 ... keep_G] * g)) + x)

    The gates of a position sum to 1, so each is about 1 / (G h) at the start; the batch
    normalisation in `fuse` restores the scale. FGSTP has no operator; ZoomNeXt's relates the
    frames of a clip.

    Args:
        n_channels: channels of input and output.
        n_groups: groups G.
        group_channels: channels h of a group; half of `n_channels` if None.
        operator: takes and gives the G h gated channels; leaves them as they are if None.
    """

    def __init__(
        self,
        n_channels: int = 32,
        n_groups: int = 6,
        group_channels: int | None = None,
        operator: nn.Module | None = None,
    ) -> None:
        super().__init__()
        width = n_channels // 2 if group_channels is None else group_channels
        every = n_groups * width
        self.group_channels = width
        self.expand = ConvBn(n_channels, every, 1)
        self.interact = nn.ModuleList(
            [
                ConvBn(width if j == 0 else 2 * width, width * (2 if j == n_groups - 1 else 3), 3)
                for j in range(n_groups)
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
