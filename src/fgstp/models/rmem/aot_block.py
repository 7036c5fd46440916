"""Transformer block of AOT (arXiv 2106.02638) with a recurrent short-term memory, as in AOT+."""

from timm.layers.drop import DropPath
from torch import Tensor, nn
from torch.nn import functional

from fgstp.models.rmem.attention import attend, attend_with_weights
from fgstp.models.rmem.depthwise import DepthwiseConv
from fgstp.models.rmem.entries import Entry, LayerMemory, Passed, Seen, Written, recalled
from fgstp.models.rmem.temporal_position import TemporalPosition
from fgstp.models.rmem.tokens import as_maps, as_tokens


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
    """Looks at the frame itself, at the long-term bank and at the frame before.

    With a = LN(x), y = LN(x + DP(SelfAttention(a))), Q = K = W_q y, and memories (K_g, V_g) of the
    bank and (K_l, V_l) of the frame before:

        long = W_long MHA(Q + p, K_g + P, V_g)
        short = W_short MHA(Q, LN(K_l + K), LN(V_l + y))
        x <- x + long + short;  x <- x + DP(FeedForward(LN(x)))

    where p, P are temporal positions and DP is stochastic depth. Once the embedding e of its
    mask is known, the frame is remembered as (K, W_v (y + e)) in the bank and for the next
    frame as (W_k' short, W_v' (short + e)): the short-term memory is recurrent. The reference
    frame, whose mask is given, reads (K, W_v (y + e)) in place of both memories.

    Args:
        width: channels, a multiple of 8 and of the heads.
        n_heads: heads of all attention.
        drop_path: rate of stochastic depth, by sample.
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
        source: LayerMemory | Tensor,
        temporal: TemporalPosition,
        *,
        with_weights: bool = False,
    ) -> Passed:
        """Pass a frame on.

        Args:
            x: (B, N, C) its tokens.
            size: height and width of its map in tokens.
            position: (N, C) of its tokens.
            source: memories, or the embedding (B, N, C) of the mask of a reference frame.
            temporal: positions in time.
            with_weights: give the weights of long-term attention too.
        """
        x = x + self.drop_path(self.self_attention(self.norm_self(x), position))
        y = self.norm_memory(x)
        keys = self.query(y)
        memory = recalled(source, lambda embedding: Entry(keys, self.value(y + embedding)))
        long, weights = self._long(*temporal(keys, memory.long), with_weights=with_weights)
        short = self._short(keys, y, memory.short)
        x = x + long + short
        x = x + self.drop_path(self.feed_forward(self.norm_feed_forward(x), size))
        return Passed(x, Seen(keys, y, short), weights)

    def write(self, seen: Seen, embedding: Tensor) -> Written:
        """What is remembered of a frame, with the embedding (B, N, C) of its mask."""
        return Written(
            long=Entry(seen.keys, self.value(seen.content + embedding)),
            short=Entry(self.short_key(seen.context), self.short_value(seen.context + embedding)),
        )

    def _long(
        self, query: Tensor, keys: Tensor, values: Tensor, *, with_weights: bool
    ) -> tuple[Tensor, Tensor | None]:
        if with_weights:
            read = attend_with_weights(query, keys, values, self.n_heads)
            return self.long_out(read.values), read.weights
        return self.long_out(attend(query, keys, values, self.n_heads)), None

    def _short(self, keys: Tensor, y: Tensor, before: Entry) -> Tensor:
        k, v = self.norm_short(before.keys + keys), self.norm_short(before.values + y)
        return self.short_out(attend(keys, k, v, self.n_heads))
