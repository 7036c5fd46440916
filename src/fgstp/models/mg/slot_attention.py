"""Slot attention: tokens grouped by a few slots that compete for them."""

import torch
from torch import Tensor, nn


class SlotAttention(nn.Module):
    """Slots that compete for tokens (arXiv 2006.15055), started from a learned table.

    With LN layer normalisations, W linear layers, d the width and x the tokens, k = W_k LN(x)
    and v = W_v LN(x), every iteration is

        a = softmax over slots of (W_q LN(slots)) k' / sqrt(d), + 1e-8,
        updates = sum over tokens of a v / sum over tokens of a,
        slots = GRU(updates, slots), slots = slots + MLP(LN(slots)).

    The published slots start from a table instead of noise, so that each of them stands for
    the same kind of layer in every picture.

    Args:
        width: d, channels of tokens and slots.
        n_slots: slots.
        n_iterations: times that they are brought up to date.
    """

    eps = 1e-8

    def __init__(self, width: int, n_slots: int, n_iterations: int) -> None:
        super().__init__()
        self.n_iterations = n_iterations
        self.start = nn.Embedding(n_slots, width)
        self.norm_tokens, self.norm_slots, self.norm_mlp = (nn.LayerNorm(width) for _ in range(3))
        self.q, self.k, self.v = (nn.Linear(width, width) for _ in range(3))
        self.gru = nn.GRUCell(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (N, L, width) -> slots (N, n_slots, width)."""
        tokens = self.norm_tokens(tokens)
        k, v = self.k(tokens), self.v(tokens)
        slots = self.start.weight.expand(len(tokens), -1, -1)
        for _ in range(self.n_iterations):
            q = self.q(self.norm_slots(slots))
            logits = q @ k.transpose(1, 2) * q.shape[-1] ** -0.5
            shares = torch.softmax(logits, dim=1) + self.eps
            updates = shares / shares.sum(dim=2, keepdim=True) @ v
            slots = self.gru(updates.flatten(0, 1), slots.flatten(0, 1)).view_as(updates)
            slots = slots + self.mlp(self.norm_mlp(slots))
        return slots
