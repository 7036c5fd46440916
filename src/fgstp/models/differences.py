"""Frames shown together with what changed since their neighbours."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from fgstp.models.settings import NetworkSettings

UNIT = 1 / 30  # of a difference: some eight grey levels, as moving gas makes


def with_differences(grey: Tensor, triples: Tensor, settings: "NetworkSettings") -> Tensor:
    """Target frames, and their differences to two neighbours, as three channels.

    Args:
        grey: (N, 1, H, W) in [0, 1].
        triples: (M, 3) int64: a target and its neighbours, as numbers in [0, N).
        settings: of the model; its normalisation is that of the first channel.

    Returns:
        (M, 3, H, W): the target, normalised, and twice target less neighbour, in units of `UNIT`.
    """
    target, first, second = (grey[numbers] for numbers in triples.unbind(1))
    normalisation = settings.normalisation
    shown = (target - normalisation.mean[0]) / normalisation.std[0]
    return torch.cat([shown, (target - first) / UNIT, (target - second) / UNIT], dim=1)
