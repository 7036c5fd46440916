"""Which layer is the foreground."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

SlotChoice = Literal["border", "oracle"]
THRESHOLD = 0.5
TIE = 1e-6  # pixels; decides between layers that do not meet the mask at all


def chosen(alpha: Tensor, slots: Tensor) -> Tensor:
    """The layer of each picture that was chosen.

    Args:
        alpha: (N, K, 1, H, W).
        slots: (N,) int64.

    Returns:
        (N, 1, H, W).
    """
    return alpha[torch.arange(len(alpha), device=alpha.device), slots]


def border_slots(alpha: Tensor) -> Tensor:
    """The layer with the smallest mean share of the outermost pixels: a background reaches them.

    Args:
        alpha: (N, K, 1, H, W).

    Returns:
        (N,) int64.
    """
    border = torch.ones(alpha.shape[-2:], dtype=torch.bool, device=alpha.device)
    border[1:-1, 1:-1] = False
    return alpha.squeeze(2)[..., border].mean(dim=-1).argmin(dim=1)


def oracle_slots(alpha: Tensor, masks: Tensor) -> Tensor:
    """The layer with the highest IoU with the true mask: an upper bound, as published.

    The layers are resized to the masks by their nearest pixels and cut at 0.5. Of layers that
    do not meet the mask, such as of an empty one, the smallest is taken.

    Args:
        alpha: (N, K, 1, h, w).
        masks: (N, H, W), 0/1.

    Returns:
        (N,) int64.
    """
    size = tuple(masks.shape[-2:])
    layers = functional.interpolate(alpha.squeeze(2), size=size, mode="nearest") > THRESHOLD
    true = masks.bool().unsqueeze(1)
    both = (layers & true).sum(dim=(2, 3), dtype=torch.float64)
    either = (layers | true).sum(dim=(2, 3), dtype=torch.float64)
    return ((both + TIE) / (either + TIE)).argmax(dim=1)
