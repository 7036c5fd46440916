"""Scaled dot-product attention over tokens, with several heads."""

from typing import NamedTuple

from torch import Tensor
from torch.nn import functional


class Attended(NamedTuple):
    """What was read, and from where.

    Attributes:
        values: (B, N, V).
        weights: (B, N, M): share of each of M tokens, mean over the heads; sums to 1 over M.
    """

    values: Tensor
    weights: Tensor


def attend(
    query: Tensor, keys: Tensor, values: Tensor, n_heads: int = 1, bias: Tensor | None = None
) -> Tensor:
    """Read values by the likeness of their keys.

    softmax(Q K^T / sqrt(K / n_heads) + bias) V in each head.

    Args:
        query: (B, N, K).
        keys: (B, M, K).
        values: (B, M, V).
        n_heads: heads that the channels are shared out to; it must divide K and V.
        bias: added to the logits, (B, N, M), the same in each head; minus infinity hides.

    Returns:
        (B, N, V).
    """
    q, k, v = (_heads(tokens, n_heads) for tokens in (query, keys, values))
    mask = None if bias is None else bias.unsqueeze(1)
    return _joined(functional.scaled_dot_product_attention(q, k, v, attn_mask=mask))


def attend_with_weights(query: Tensor, keys: Tensor, values: Tensor, n_heads: int = 1) -> Attended:
    """As `attend`, and the weights too, which the fused kernel does not give."""
    q, k, v = (_heads(tokens, n_heads) for tokens in (query, keys, values))
    weights = (q @ k.mT * q.shape[-1] ** -0.5).softmax(-1)
    return Attended(_joined(weights.to(v.dtype) @ v), weights.mean(1))


def _heads(tokens: Tensor, n_heads: int) -> Tensor:
    """(B, N, C) -> (B, heads, N, C / heads)."""
    return tokens.view(*tokens.shape[:2], n_heads, -1).transpose(1, 2)


def _joined(heads: Tensor) -> Tensor:
    return heads.transpose(1, 2).flatten(2)
