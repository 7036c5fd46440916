"""Gated propagation block of DeAOT (arXiv 2210.09782)."""

import torch
from timm.layers.drop import DropPath
from torch import Tensor, nn
from torch.nn import functional

from fgstp.models.rmem.attention import attend, attend_with_weights
from fgstp.models.rmem.depthwise import DepthwiseConv
from fgstp.models.rmem.entries import Entry, LayerMemory, Passed, Seen, Written, recalled
from fgstp.models.rmem.temporal_position import TemporalPosition
from fgstp.models.rmem.window_attention import Offsets, WindowAttention


class GatedOutput(nn.Module):
    """What was read, times a gate, mixed by a depthwise convolution, and narrowed.

    Args:
        width: d; (B, N, 4 d) becomes (B, N, 2 d).
        dropout: share of channels that are dropped in training.
    """

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.mix = DepthwiseConv(4 * width, dropout)
        self.out = nn.Linear(4 * width, 2 * width)

    def forward(self, read: Tensor, gate: Tensor, size: tuple[int, int]) -> Tensor:
        """Values and their gate, (B, h w, 4 d) each -> (B, h w, 2 d)."""
        return self.out(self.mix(read * gate, size))


class GatedSelfAttention(nn.Module):
    """Attention of the tokens of a frame to each other, over both streams.

    softmax(k k^T / sqrt(d / 2)) [v_x | v_z] * [u_x | u_z] with k a linear map of both streams, and
    SiLU of linear maps of each stream for v and u.

    Args:
        width: d, channels of each stream.
        dropout: share of channels that are dropped in training.
    """

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.key = nn.Linear(2 * width, width // 2)
        self.values = nn.ModuleList([nn.Linear(width, 2 * width) for _ in range(2)])
        self.gates = nn.ModuleList([nn.Linear(width, 2 * width) for _ in range(2)])
        self.gated = GatedOutput(width, dropout)

    def forward(self, state: Tensor, size: tuple[int, int]) -> Tensor:
        """(B, h w, 2 d), both streams -> (B, h w, 2 d)."""
        key, streams = self.key(state), state.chunk(2, dim=2)
        values, gates = (
            torch.cat([linear(x) for linear, x in zip(each, streams, strict=True)], dim=2)
            for each in (self.values, self.gates)
        )
        read = attend(key, key, functional.silu(values))
        return self.gated(read, functional.silu(gates), size)


class DeAotBlock(nn.Module):
    """Looks at the long-term bank, at the frame before and at the frame itself.

    The state is [x | z]: what the frame shows, and where the object is. With y = LN(x), w = LN(z),
    keys k and values v = SiLU(...) of y, and e the embedding of a frame's mask, a frame is
    remembered by k and [v | SiLU(W_id [w | e])]. Reading is attention with one head,
    to the bank with temporal positions, to the frame before within a window. What is read is
    gated by SiLU([U y | U_id w]) and added to the state. In the first block z is 0, and there is
    neither w nor its gate.

    Args:
        width: d, channels of each stream.
        first: whether this is the first block.
        drop_path: rate of stochastic depth of the self-attention, by sample.
        dropout: share of channels that are dropped after depthwise convolutions.
    """

    def __init__(self, width: int, drop_path: float, dropout: float, *, first: bool) -> None:
        super().__init__()
        self.width = width
        self.norm_memory = nn.LayerNorm(width)
        self.key_value = nn.Linear(width, width // 2 + 2 * width)
        self.gate = nn.Linear(width, 2 * width)
        self.norm_identity = None if first else nn.LayerNorm(width)
        self.identity_gate = None if first else nn.Linear(width, 2 * width)
        self.identity_value = nn.Linear(width if first else 2 * width, 2 * width)
        self.long_gated = GatedOutput(width, dropout)
        self.short_attention = WindowAttention(width // 2)
        self.short_gated = GatedOutput(width, dropout)
        self.norm_self = nn.ModuleList([nn.LayerNorm(width) for _ in range(2)])
        self.self_attention = GatedSelfAttention(width, dropout)
        self.drop_path = DropPath(drop_path)

    def forward(
        self,
        state: Tensor,
        size: tuple[int, int],
        offsets: Offsets,
        source: LayerMemory | Tensor,
        temporal: TemporalPosition,
        *,
        with_weights: bool = False,
    ) -> Passed:
        """Pass a frame on.

        Args:
            state: (B, N, 2 d) both streams.
            size: height and width of its map in tokens.
            offsets: of its tokens from each other.
            source: memories, or the embedding (B, N, d) of the mask of a reference frame.
            temporal: positions in time.
            with_weights: give the weights of long-term attention too.
        """
        x, z = state.chunk(2, dim=2)
        y = self.norm_memory(x)
        keys, values = self.key_value(y).split([self.width // 2, 2 * self.width], dim=2)
        context = x[..., :0] if self.norm_identity is None else self.norm_identity(z)
        seen = Seen(keys, functional.silu(values), context)
        memory = recalled(source, lambda embedding: self._entry(seen, embedding))
        gate = self._gate(y, context)

        read, weights = _read(*temporal(keys, memory.long), with_weights=with_weights)
        state = state + self.long_gated(read, gate, size)
        read = self.short_attention(keys, *memory.short, offsets)
        state = state + self.short_gated(read, gate, size)
        normed = [norm(x) for norm, x in zip(self.norm_self, state.chunk(2, dim=2), strict=True)]
        own = self.self_attention(torch.cat(normed, dim=2), size)
        return Passed(state + self.drop_path(own), seen, weights)

    def write(self, seen: Seen, embedding: Tensor) -> Written:
        """What is remembered of a frame, with the embedding (B, N, d) of its mask."""
        entry = self._entry(seen, embedding)
        return Written(long=entry, short=entry)

    def _entry(self, seen: Seen, embedding: Tensor) -> Entry:
        identity = self.identity_value(torch.cat([seen.context, embedding], dim=2))
        return Entry(seen.keys, torch.cat([seen.content, functional.silu(identity)], dim=2))

    def _gate(self, y: Tensor, context: Tensor) -> Tensor:
        gate = functional.silu(self.gate(y))
        if self.identity_gate is None:
            return torch.cat([gate, torch.ones_like(gate)], dim=2)
        return torch.cat([gate, functional.silu(self.identity_gate(context))], dim=2)


def _read(
    query: Tensor, keys: Tensor, values: Tensor, *, with_weights: bool
) -> tuple[Tensor, Tensor | None]:
    if with_weights:
        return attend_with_weights(query, keys, values)
    return attend(query, keys, values), None
