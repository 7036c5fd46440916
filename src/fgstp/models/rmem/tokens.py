"""Maps as sequences of tokens, and back."""

from torch import Tensor


def as_tokens(maps: Tensor) -> Tensor:
    """(B, C, h, w) -> (B, h w, C), row by row."""
    return maps.flatten(2).transpose(1, 2)


def as_maps(tokens: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, h w, C) -> (B, C, h, w)."""
    return tokens.transpose(1, 2).reshape(len(tokens), -1, *size)
