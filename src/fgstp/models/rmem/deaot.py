"""DeAOT-L (arXiv 2210.09782): gated propagation of two streams."""

import torch
from timm.layers.drop import DropPath
from torch import Tensor, nn
from torch.nn import functional

from fgstp.models.rmem.aot import BlockMemory, Propagation, Seen, xavier_linears
from fgstp.models.rmem.attention import (
    DepthwiseConv,
    KeyValue,
    MemoryAttention,
    Size,
    WindowAttention,
    attend,
    window_places,
)


class GatedOutput(nn.Module):
    """Values times a gate, then a depthwise convolution with dropout and a linear layer."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.mix = DepthwiseConv(4 * width, dropout)
        self.out = nn.Linear(4 * width, 2 * width)

    def forward(self, values: Tensor, gate: Tensor, size: Size) -> Tensor:
        """Values and their gate, (B, h w, 4 d) each -> (B, h w, 2 d)."""
        return self.out(self.mix(values * gate, size))


class GatedSelfAttention(nn.Module):
    """Attention of the tokens of a frame to each other, over both streams.

    softmax(k k^T / sqrt(d / 2)) [v_x | v_z] * [u_x | u_z] with k a linear map of both streams, and
    SiLU of linear maps of each stream, of `width` d channels, for v and u.
    """

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.key = nn.Linear(2 * width, width // 2)
        self.values = nn.ModuleList([nn.Linear(width, 2 * width) for _ in range(2)])
        self.gates = nn.ModuleList([nn.Linear(width, 2 * width) for _ in range(2)])
        self.gated = GatedOutput(width, dropout)

    def forward(self, state: Tensor, size: Size) -> Tensor:
        """(B, h w, 2 d), both streams -> (B, h w, 2 d)."""
        key, streams = self.key(state), state.chunk(2, dim=2)
        values, gates = (
            torch.cat([linear(x) for linear, x in zip(each, streams, strict=True)], dim=2)
            for each in (self.values, self.gates)
        )
        read = attend(key, key, functional.silu(values))
        return self.gated(read, functional.silu(gates), size)


class DeAotBlock(nn.Module):
    """Attends to the memory bank, to the previous frame and to the frame itself.

    The state is [x | z]: what the frame shows, and where the object is. With y = LN(x), w = LN(z),
    keys k and values v = SiLU(...) of y, and e the embedding of a frame's mask, a frame is
    written to memory as k and [v | SiLU(W_id [w | e])]. Reading is attention with one head,
    to the bank with temporal positions, to the previous frame within a window. What is read is
    gated by SiLU([U y | U_id w]) and added to the state. In the first block z is 0, and there is
    neither w nor its gate.

    Args:
        width: d, channels of each stream.
        first: whether this is the first block.
        drop_path: rate of stochastic depth of the self-attention, per sample.
        dropout: fraction of the channels that is dropped after depthwise convolutions.
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
        size: Size,
        places: Tensor,
        memory: BlockMemory | Tensor,
        temporal: MemoryAttention,
        *,
        with_weights: bool = False,
    ) -> tuple[Tensor, Seen, Tensor | None]:
        """Propagate a frame; see `Propagation` for arguments and results."""
        x, z = state.chunk(2, dim=2)
        y = self.norm_memory(x)
        keys, values = self.key_value(y).split([self.width // 2, 2 * self.width], dim=2)
        context = x[..., :0] if self.norm_identity is None else self.norm_identity(z)
        seen = Seen(keys, functional.silu(values), context)
        if isinstance(memory, Tensor):
            own, _ = self.write(seen, memory)
            memory = [own], own
        bank, previous = memory
        gate = functional.silu(self.gate(y))
        if self.identity_gate is None:
            gate = torch.cat([gate, torch.ones_like(gate)], dim=2)
        else:
            gate = torch.cat([gate, functional.silu(self.identity_gate(context))], dim=2)
        read, weights = temporal(keys, bank, with_weights=with_weights)
        state = state + self.long_gated(read, gate, size)
        read = self.short_attention(keys, *previous, places)
        state = state + self.short_gated(read, gate, size)
        normed = [norm(x) for norm, x in zip(self.norm_self, state.chunk(2, dim=2), strict=True)]
        own_read = self.self_attention(torch.cat(normed, dim=2), size)
        return state + self.drop_path(own_read), seen, weights

    def write(self, seen: Seen, embedding: Tensor) -> tuple[KeyValue, KeyValue]:
        """A frame for the bank and for the next frame, with the embedding (B, N, d) of its mask."""
        identity = self.identity_value(torch.cat([seen.context, embedding], dim=2))
        entry = seen.keys, torch.cat([seen.content, functional.silu(identity)], dim=2)
        return entry, entry


class DeAotPropagation(Propagation):
    """The blocks of DeAOT-L; the output is the last state, each stream normalised as one group."""

    def __init__(self, width: int, n_layers: int, drop_path: float, dropout: float) -> None:
        super().__init__()
        self.n_out = 2 * width
        self.temporal = MemoryAttention(width // 2)
        self.blocks = nn.ModuleList(
            [DeAotBlock(width, drop_path, dropout, first=layer == 0) for layer in range(n_layers)]
        )
        self.norm = nn.GroupNorm(2, 2 * width)
        xavier_linears(self)

    def _begin(self, tokens: Tensor) -> Tensor:
        return torch.cat([tokens, torch.zeros_like(tokens)], dim=2)

    def _place(self, size: Size, device: torch.device) -> Tensor:
        return window_places(size, device)

    def _end(self, features: Tensor, states: list[Tensor]) -> Tensor:
        return self.norm(states[-1])
