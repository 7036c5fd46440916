"""Learned embedding of how far back a remembered frame lies (temporal position of RMem)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fgstp.models.rmem.entries import Entry

N_SLOTS = 4


def memory_slots(n_frames: int) -> list[int]:
    """Slot of each remembered frame, oldest first.

    Up to four frames have slots of their own, from slot 0 on. More share them evenly, counted
    from the newest: frame k of T has slot 3 - floor(4 (T - 1 - k) / T).
    """
    if n_frames <= N_SLOTS:
        return list(range(n_frames))
    return [N_SLOTS - 1 - (n_frames - 1 - frame) * N_SLOTS // n_frames for frame in range(n_frames)]


class TemporalPosition(nn.Module):
    """Embeddings that are added to the query and to the keys of long-term attention.

    Args:
        key_width: channels of queries and keys.

    Attributes:
        query: (1, key_width), of the present frame.
        slots: (4, key_width), of remembered frames.
    """

    def __init__(self, key_width: int) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.empty(1, key_width))
        self.slots = nn.Parameter(torch.empty(N_SLOTS, key_width))
        for embedding in (self.query, self.slots):
            nn.init.trunc_normal_(embedding, std=0.05)

    def forward(self, query: Tensor, frames: Sequence[Entry]) -> tuple[Tensor, Tensor, Tensor]:
        """What long-term attention is computed of.

        Args:
            query: (B, N, K) of the present frame.
            frames: T remembered frames, oldest first.

        Returns:
            Query (B, N, K) and keys (B, T N, K) with their embeddings, values (B, T N, V).
        """
        slots = self.slots[memory_slots(len(frames))]
        keys = [frame.keys + slot for frame, slot in zip(frames, slots, strict=True)]
        values = [frame.values for frame in frames]
        return query + self.query, torch.cat(keys, dim=1), torch.cat(values, dim=1)
