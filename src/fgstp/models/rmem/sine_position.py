"""Fixed embedding of where a token lies in the frame."""

import math

import torch
from torch import Tensor


def sine_position(size: tuple[int, int], width: int, device: torch.device) -> Tensor:
    """Sines and cosines of the place of each token (as in DETR, arXiv 2005.12872).

    With u = 2 pi i / (last i + 1e-6) for row i, the first half of the channels holds
    sin(u / 10000^(2 j / half)), cos(u / 10000^(2 j / half)) for j = 0, 1, ... in turn; the
    second half holds the same of the column.

    Args:
        size: height and width of the map in tokens.
        width: channels, a multiple of 4.
        device: where the result is to lie.

    Returns:
        (h w, width) float32, row by row.
    """
    height, columns = size
    rows, across = (_sines(side, width // 2, device) for side in size)
    return torch.cat(
        [
            rows.unsqueeze(1).expand(-1, columns, -1),
            across.unsqueeze(0).expand(height, -1, -1),
        ],
        dim=2,
    ).flatten(0, 1)


def _sines(n: int, width: int, device: torch.device) -> Tensor:
    """(n, width)."""
    place = torch.arange(n, device=device) * (2.0 * math.pi / (n - 1 + 1e-6))
    exponents = torch.arange(0, width, 2, device=device) / width
    angles = place.unsqueeze(1) / 10000.0**exponents
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)
