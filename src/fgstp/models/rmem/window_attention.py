"""Attention within a window around each token, with a learned bias for each place in it."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from fgstp.models.rmem.attention import attend

WINDOW = 15  # tokens across


class Offsets(NamedTuple):
    """Where M = N tokens of a map lie in the windows around its N tokens.

    Attributes:
        places: (N, N) int64: place of a token in the window, row by row; 0 if it is outside.
        outside: (N, N) bool: whether it is outside of the window.
    """

    places: Tensor
    outside: Tensor


def window_offsets(size: tuple[int, int], device: torch.device) -> Offsets:
    """Places of all tokens of a map in the windows around each of them.

    Args:
        size: height and width of the map in tokens.
        device: where the result is to lie.
    """
    reach = WINDOW // 2
    y, x = torch.meshgrid(
        *(torch.arange(side, device=device) for side in size), indexing="ij"
    )  # of each token
    dy, dx = (each.flatten() - each.flatten().unsqueeze(1) for each in (y, x))
    outside = (dy.abs() > reach) | (dx.abs() > reach)
    places = (dy + reach) * WINDOW + dx + reach
    return Offsets(places.masked_fill(outside, 0), outside)


class WindowAttention(nn.Module):
    """Attention of each token to the 15 x 15 tokens around the same place in another frame.

    The logit of a token at place p of the window is q k / sqrt(K) + b_p, where b = W q + c is a
    linear map of the query, taken before the scaling. What lies outside of the frame does not
    take part. All pairs of tokens are computed and those outside hidden: at 22 x 22 tokens
    the windows hold about a third of them.

    Args:
        key_width: K, channels of queries and keys.
    """

    def __init__(self, key_width: int) -> None:
        super().__init__()
        self.bias = nn.Linear(key_width, WINDOW**2)

    def forward(self, query: Tensor, keys: Tensor, values: Tensor, offsets: Offsets) -> Tensor:
        """Queries and keys (B, N, K) and values (B, N, V) of maps of one size -> (B, N, V)."""
        places = offsets.places.expand(len(query), -1, -1)
        bias = self.bias(query).gather(2, places).masked_fill(offsets.outside, -torch.inf)
        return attend(query, keys, values, bias=bias)
