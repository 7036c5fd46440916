"""AOT-L (arXiv 2106.02638) with a recurrent short-term memory, and what DeAOT-L shares with it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from timm.layers.drop import DropPath
from torch import Tensor, nn
from torch.nn import functional

from fgstp.models.rmem.attention import (
    DepthwiseConv,
    KeyValue,
    MemoryAttention,
    Size,
    as_maps,
    as_tokens,
    attend,
    sine_position,
)

FrameMemory = tuple[KeyValue, ...]  # a remembered frame: keys and values for every block
BlockMemory = tuple[Sequence[KeyValue], KeyValue]  # bank, oldest first, and previous frame


class Seen(NamedTuple):
    """What a block keeps of a frame until its mask is known, to write both to memory.

    Attributes:
        keys: (B, N, K).
        content: (B, N, C): source of the values.
        context: (B, N, D): what else is written with them; D may be 0.
    """

    keys: Tensor
    content: Tensor
    context: Tensor


class Propagation(nn.Module, ABC):
    """Blocks that propagate what is remembered of earlier frames to the present one.

    Each is called as `block(state, size, place, memory, temporal, with_weights=...)` with its
    state (B, N, S) of a map of size (h, w), the result of `_place`, a `BlockMemory` or the
    embedding (B, N, d) of the frame's own mask, and the `MemoryAttention` that all share. It
    returns its new state, `Seen`, and the weights (B, N, T N) of its attention to the bank if
    they are requested, else None. Its `write` is that of one block.

    Attributes:
        n_out: channels of the output.
    """

    n_out: int
    blocks: nn.ModuleList
    temporal: MemoryAttention

    def forward(
        self,
        features: Tensor,
        memory: tuple[Sequence[FrameMemory], FrameMemory] | Tensor,
        *,
        with_weights: bool = False,
    ) -> tuple[Tensor, tuple[Seen, ...], Tensor | None]:
        """Pass a frame through all blocks.

        Args:
            features: (B, d, h, w) of the frame.
            memory: frames of the bank, oldest first, and the previous frame; or the embedding
                (B, d, h, w) of the mask of a reference frame.
            with_weights: return the weights of the first block's attention to the bank.

        Returns:
            Maps (B, `n_out`, h, w), what each block saw, and weights (B, h w, T h w), the mean
            over the heads, or None.
        """
        size, state = features.shape[-2:], self._begin(as_tokens(features))
        place = self._place(size, features.device)
        results = []
        for number, block in enumerate(self.blocks):
            if isinstance(memory, Tensor):
                own: BlockMemory | Tensor = as_tokens(memory)
            else:
                own = [frame[number] for frame in memory[0]], memory[1][number]
            wanted = with_weights and number == 0
            results.append(block(state, size, place, own, self.temporal, with_weights=wanted))
            state = results[-1][0]
        states, seen, weights = zip(*results, strict=True)
        return self._end(features, [as_maps(each, size) for each in states]), seen, weights[0]

    def write(self, seen: Sequence[Seen], embedding: Tensor) -> tuple[FrameMemory, FrameMemory]:
        """A frame as memory, with the embedding (B, d, h, w) of its mask.

        Returns:
            The frame as the bank stores it, and as the next frame reads it.
        """
        tokens = as_tokens(embedding)
        blocks: Any = self.blocks
        written = [block.write(each, tokens) for block, each in zip(blocks, seen, strict=True)]
        bank, following = zip(*written, strict=True)
        return bank, following

    @abstractmethod
    def _begin(self, tokens: Tensor) -> Tensor:
        """State (B, N, S) of the first block from tokens (B, N, d)."""

    @abstractmethod
    def _place(self, size: Size, device: torch.device) -> Tensor:
        """Where the tokens of a map are, in the form that the blocks take."""

    @abstractmethod
    def _end(self, features: Tensor, states: list[Tensor]) -> Tensor:
        """Maps (B, `n_out`, h, w) from the frame's features and the state of every block."""


def xavier_linears(module: nn.Module) -> None:
    """Initialise all linear layers as Xavier."""
    for each in module.modules():
        if isinstance(each, nn.Linear):
            nn.init.xavier_uniform_(each.weight)


class SelfAttention(nn.Module):
    """Attention of the tokens of a frame to each other, with `n_heads` heads."""

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
    """Linear to four times the width, group norm, GELU, depthwise convolution, linear back."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.widen = nn.Linear(width, 4 * width)
        self.norm = nn.GroupNorm(32, 4 * width)
        self.mix = DepthwiseConv(4 * width)
        self.narrow = nn.Linear(4 * width, width)

    def forward(self, x: Tensor, size: Size) -> Tensor:
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
        size: Size,
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
        k, v = self.norm_short(previous[0] + keys), self.norm_short(previous[1] + y)
        short = self.short_out(attend(keys, k, v, self.n_heads))
        x = x + self.long_out(read) + short
        x = x + self.drop_path(self.feed_forward(self.norm_feed_forward(x), size))
        return x, Seen(keys, y, short), weights

    def write(self, seen: Seen, embedding: Tensor) -> tuple[KeyValue, KeyValue]:
        """A frame for the bank and for the next frame, with the embedding (B, N, C) of its mask."""
        keys, y, short = seen
        following = self.short_key(short), self.short_value(short + embedding)
        return (keys, self.value(y + embedding)), following


class AotPropagation(Propagation):
    """The blocks of AOT-L; the output is the features and the normalised states of all blocks."""

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

    def _place(self, size: Size, device: torch.device) -> Tensor:
        return sine_position(size, self.width, device)

    def _end(self, features: Tensor, states: list[Tensor]) -> Tensor:
        normed = [
            as_maps(norm(as_tokens(state)), features.shape[-2:])
            for norm, state in zip(self.norms, states, strict=True)
        ]
        return torch.cat([features, *normed], dim=1)
