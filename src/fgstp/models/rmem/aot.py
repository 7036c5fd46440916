"""AOT-L (arXiv 2106.02638) with a recurrent short-term memory, as in AOT+."""

import torch
from timm.layers.drop import DropPath
from torch import Tensor, nn
from torch.nn import functional

from fgstp.models.rmem.attention import (
    DepthwiseConv,
    KeyValue,
    MemoryAttention,
    as_maps,
    as_tokens,
    attend,
    sine_position,
)
from fgstp.models.rmem.propagation import BlockMemory, Propagation, Seen, xavier_linears


class SelfAttention(nn.Module):
    """Attention of the tokens of a frame to each other.

    Args:
        width: channels.
        n_heads: heads.
    """

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, position: Tensor) -> Tensor:
        """(B, N, C), and positions (N, C) that are added to queries and keys -> (B, N, C)."""
        placed = x + position
        read = attend(self.query(placed), self.key(placed), self.value(x), self.n_heads)
        return self.out(read)


class FeedForward(nn.Module):
    """Linear to four times the width, group norm, GELU, depthwise convolution, linear back.

    Args:
        width: channels, a multiple of 8.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.widen = nn.Linear(width, 4 * width)
        self.norm = nn.GroupNorm(32, 4 * width)
        self.mix = DepthwiseConv(4 * width)
        self.narrow = nn.Linear(4 * width, width)

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """(B, h w, C) -> (B, h w, C)."""
        wide = self.norm(as_maps(self.widen(x), size))
        return self.narrow(self.mix(functional.gelu(as_tokens(wide)), size))


class AotBlock(nn.Module):
    """Attends to the frame itself, to the memory bank and to the previous frame.

    With a = LN(x), y = LN(x + DP(SelfAttention(a))), Q = K = W_q y, and memories (K_g, V_g) of the
    bank and (K_l, V_l) of the previous frame:

        long = W_long MHA(Q + p, K_g + P, V_g)
        short = W_short MHA(Q, LN(K_l + K), LN(V_l + y))
        x <- x + long + short;  x <- x + DP(FeedForward(LN(x)))

    where p, P are temporal positions and DP is stochastic depth. Once the embedding e of its
    mask is known, the frame is written as (K, W_v (y + e)) to the bank and for the next
    frame as (W_k' short, W_v' (short + e)): the short-term memory is recurrent. The reference
    frame, whose mask is an input, reads (K, W_v (y + e)) in place of both memories.

    Args:
        width: channels, a multiple of 8 and of the heads.
        n_heads: heads of all attention.
        drop_path: rate of stochastic depth, per sample.
    """

    def __init__(self, width: int, n_heads: int, drop_path: float) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.norm_self = nn.LayerNorm(width)
        self.self_attention = SelfAttention(width, n_heads)
        self.norm_memory = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.norm_short = nn.LayerNorm(width)
        self.long_out = nn.Linear(width, width)
        self.short_out = nn.Linear(width, width)
        self.short_key = nn.Linear(width, width)
        self.short_value = nn.Linear(width, width)
        self.norm_feed_forward = nn.LayerNorm(width)
        self.feed_forward = FeedForward(width)
        self.drop_path = DropPath(drop_path)

    def forward(
        self,
        x: Tensor,
        size: tuple[int, int],
        position: Tensor,
        memory: BlockMemory | Tensor,
        temporal: MemoryAttention,
        *,
        with_weights: bool = False,
    ) -> tuple[Tensor, Seen, Tensor | None]:
        """Propagate a frame; see `Propagation` for arguments and results."""
        x = x + self.drop_path(self.self_attention(self.norm_self(x), position))
        y = self.norm_memory(x)
        keys = self.query(y)
        if isinstance(memory, Tensor):
            own = keys, self.value(y + memory)
            memory = [own], own
        bank, previous = memory
        read, weights = temporal(keys, bank, with_weights=with_weights)
        short = self._short(keys, y, previous)
        x = x + self.long_out(read) + short
        x = x + self.drop_path(self.feed_forward(self.norm_feed_forward(x), size))
        return x, Seen(keys, y, short), weights

    def write(self, seen: Seen, embedding: Tensor) -> tuple[KeyValue, KeyValue]:
        """A frame for the bank and for the next frame, with the embedding (B, N, C) of its mask."""
        keys, y, short = seen
        return (
            (keys, self.value(y + embedding)),
            (self.short_key(short), self.short_value(short + embedding)),
        )

    def _short(self, keys: Tensor, y: Tensor, previous: KeyValue) -> Tensor:
        k, v = self.norm_short(previous[0] + keys), self.norm_short(previous[1] + y)
        return self.short_out(attend(keys, k, v, self.n_heads))


class AotPropagation(Propagation):
    """The blocks of AOT-L; the output is the features and the normalised states of all blocks.

    Args:
        width: d.
        n_heads: heads of attention.
        n_layers: blocks.
        drop_path: rate of stochastic depth.
    """

    def __init__(self, width: int, n_heads: int, n_layers: int, drop_path: float) -> None:
        super().__init__()
        self.n_out = (1 + n_layers) * width
        self.width = width
        self.temporal = MemoryAttention(width, n_heads)
        self.blocks = nn.ModuleList([AotBlock(width, n_heads, drop_path) for _ in range(n_layers)])
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(n_layers)])
        xavier_linears(self)

    def _begin(self, tokens: Tensor) -> Tensor:
        return tokens

    def _place(self, size: tuple[int, int], device: torch.device) -> Tensor:
        return sine_position(size, self.width, device)

    def _end(self, features: Tensor, states: list[Tensor]) -> Tensor:
        size = features.shape[-2], features.shape[-1]
        normed = [
            as_maps(norm(as_tokens(state)), size)
            for norm, state in zip(self.norms, states, strict=True)
        ]
        return torch.cat([features, *normed], dim=1)
