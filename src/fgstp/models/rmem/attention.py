"""Attention over the tokens of frames, and the embeddings of where and when a token is."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

KeyValue = tuple[Tensor, Tensor]  # keys (B, N, K) and values (B, N, V) of the N tokens of a frame
Size = tuple[int, ...]  # height and width of a map, in tokens
N_SLOTS = 4  # temporal positions of RMem
WINDOW = 15  # tokens across


def as_tokens(maps: Tensor) -> Tensor:
    """(B, C, h, w) -> (B, h w, C), row by row."""
    return maps.flatten(2).transpose(1, 2)


def as_maps(tokens: Tensor, size: Size) -> Tensor:
    """(B, h w, C) -> (B, C, h, w)."""
    return tokens.transpose(1, 2).reshape(len(tokens), -1, *size)


class DepthwiseConv(nn.Module):
    """A 5 x 5 depthwise convolution of tokens, without bias, then dropout of whole channels."""

    def __init__(self, n_channels: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_channels, n_channels, 5, padding=2, groups=n_channels, bias=False)
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, tokens: Tensor, size: Size) -> Tensor:
        """(B, h w, C) of maps of size (h, w) -> the same shape."""
        return as_tokens(self.dropout(self.conv(as_maps(tokens, size))))


def attend(
    query: Tensor, keys: Tensor, values: Tensor, n_heads: int = 1, bias: Tensor | None = None
) -> Tensor:
    """Scaled dot-product attention: softmax(Q K^T / sqrt(K / n_heads) + bias) V in each head.

    Args:
        query: (B, N, K).
        keys: (B, M, K).
        values: (B, M, V).
        n_heads: number of heads; it must divide K and V.
        bias: (B, N, M), added to the logits of every head; minus infinity hides a token.

    Returns:
        (B, N, V).
    """
    q, k, v = (_heads(tokens, n_heads) for tokens in (query, keys, values))
    mask = None if bias is None else bias.unsqueeze(1)
    return _joined(functional.scaled_dot_product_attention(q, k, v, attn_mask=mask))


def attend_with_weights(
    query: Tensor, keys: Tensor, values: Tensor, n_heads: int = 1
) -> tuple[Tensor, Tensor]:
    """`attend` that also returns its weights, which the fused kernel does not give.

    Returns:
        Values (B, N, V), and weights (B, N, M), the mean over the heads; they sum to 1 over M.
    """
    q, k, v = (_heads(tokens, n_heads) for tokens in (query, keys, values))
    weights = (q @ k.mT * q.shape[-1] ** -0.5).softmax(-1)
    return _joined(weights.to(v.dtype) @ v), weights.mean(1)


class WindowAttention(nn.Module):
    """Attention of each token to the 15 x 15 tokens around the same place in another frame.

    The logit of a token at place p of the window is q k / sqrt(K) + b_p, where b = W q + c is a
    linear map of the query, taken before the scaling, and K is `key_width`. Places outside of the
    frame do not take part. All pairs of tokens are computed and those outside of the window are
    hidden: at 22 x 22 tokens the windows hold about a third of the pairs.
    """

    def __init__(self, key_width: int) -> None:
        super().__init__()
        self.bias = nn.Linear(key_width, WINDOW**2)

    def forward(self, query: Tensor, keys: Tensor, values: Tensor, places: Tensor) -> Tensor:
        """Query and keys (B, N, K), values (B, N, V), and places (N, N) from `window_places`."""
        each = places.clamp_min(0).expand(len(query), -1, -1)
        bias = self.bias(query).gather(2, each).masked_fill(places < 0, -torch.inf)
        return attend(query, keys, values, bias=bias)


def window_places(size: Size, device: torch.device) -> Tensor:
    """Place of every token of a map in the window around every other.

    Returns:
        (N, N) int64: place in the window, row by row; -1 outside of it.
    """
    reach = WINDOW // 2
    y, x = torch.meshgrid(*(torch.arange(side, device=device) for side in size), indexing="ij")
    dy, dx = (each.flatten() - each.flatten().unsqueeze(1) for each in (y, x))
    outside = (dy.abs() > reach) | (dx.abs() > reach)
    return ((dy + reach) * WINDOW + dx + reach).masked_fill(outside, -1)


class MemoryAttention(nn.Module):
    """Attention to the frames of the memory bank, with the temporal positions of RMem.

    A learned embedding `query` (1, K) is added to the query and one of `slots` (4, K) to the keys
    of each remembered frame, by its age; see `memory_slots`. K is `key_width`.
    """

    def __init__(self, key_width: int, n_heads: int = 1) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.query = nn.Parameter(torch.empty(1, key_width))
        self.slots = nn.Parameter(torch.empty(N_SLOTS, key_width))
        for embedding in (self.query, self.slots):
            nn.init.trunc_normal_(embedding, std=0.05)

    def forward(
        self, query: Tensor, frames: Sequence[KeyValue], *, with_weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """Attend from a query (B, N, K) to T remembered frames, oldest first.

        Returns:
            Values (B, N, V), and weights (B, N, T N) if they are requested, else None.
        """
        slots = self.slots[memory_slots(len(frames))]
        keys = torch.cat([keys + slot for (keys, _), slot in zip(frames, slots, strict=True)], 1)
        inputs = query + self.query, keys, torch.cat([values for _, values in frames], 1)
        if with_weights:
            return attend_with_weights(*inputs, self.n_heads)
        return attend(*inputs, self.n_heads), None


def memory_slots(n_frames: int) -> list[int]:
    """Temporal slot of each remembered frame, oldest first.

    Up to four frames have slots of their own, from slot 0 on. More frames share the slots
    evenly, counted from the newest: frame k of T has slot 3 - floor(4 (T - 1 - k) / T).
    """
    if n_frames <= N_SLOTS:
        return list(range(n_frames))
    return [N_SLOTS - 1 - (n_frames - 1 - frame) * N_SLOTS // n_frames for frame in range(n_frames)]


def sine_position(size: Size, width: int, device: torch.device) -> Tensor:
    """Fixed embedding of the place of each token (as in DETR, arXiv 2005.12872).

    With u = 2 pi i / (last i + 1e-6) for row i, the first half of the channels holds
    sin(u / 10000^(2 j / half)), cos(u / 10000^(2 j / half)) for j = 0, 1, ... in turn; the
    second half holds the same of the column.

    Returns:
        (h w, width) float32, row by row; the width is a multiple of 4.
    """
    height, columns = size
    rows, across = (_sines(side, width // 2, device) for side in size)
    grids = rows.unsqueeze(1).expand(-1, columns, -1), across.unsqueeze(0).expand(height, -1, -1)
    return torch.cat(grids, dim=2).flatten(0, 1)


def _sines(n: int, width: int, device: torch.device) -> Tensor:
    """(n, width)."""
    place = torch.arange(n, device=device) * (2.0 * math.pi / (n - 1 + 1e-6))
    exponents = torch.arange(0, width, 2, device=device) / width
    angles = place.unsqueeze(1) / 10000.0**exponents
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)


def _heads(tokens: Tensor, n_heads: int) -> Tensor:
    """(B, N, C) -> (B, heads, N, C / heads)."""
    return tokens.view(*tokens.shape[:2], n_heads, -1).transpose(1, 2)


def _joined(heads: Tensor) -> Tensor:
    """(B, heads, N, C / heads) -> (B, N, C)."""
    return heads.transpose(1, 2).flatten(2)
