"""Losses of Motion Grouping, which need no masks."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

EPS = 1e-5


class GroupingLoss(NamedTuple):
    """The three terms, unweighted scalars.

    Attributes:
        reconstruction: mean squared error of the reconstructed pictures.
        entropy: of alpha over the layers, mean over pixels.
        consistency: distance of the layers of the two fields of a frame; see `consistency`.
    """

    reconstruction: Tensor
    entropy: Tensor
    consistency: Tensor


def grouping_loss(pictures: Tensor, reconstruction: Tensor, alpha: Tensor) -> GroupingLoss:
    """Losses of B frames with two fields each, computed in float32.

    Args:
        pictures: (2 B, C, H, W), the two of a frame one after the other.
        reconstruction: of the same shape.
        alpha: (2 B, K, 1, H, W) in [0, 1].
    """
    alpha = alpha.float()
    return GroupingLoss(
        functional.mse_loss(reconstruction.float(), pictures.float()),
        entropy(alpha),
        consistency(alpha[0::2], alpha[1::2]),
    )


def entropy(alpha: Tensor) -> Tensor:
    """`-sum over layers of a log(a + 1e-5)`, the mean over pixels; alpha (N, K, 1, H, W)."""
    return -(alpha * torch.log(alpha + EPS)).sum(dim=1).mean()


def consistency(alpha: Tensor, other: Tensor) -> Tensor:
    """Smallest mean squared difference between a layer of one field and one of the other.

    This is the published form, without an assignment of layers: one pair of layers that agree
    is enough. Mean over the batch.

    Args:
        alpha: (B, K, 1, H, W), of one field of each frame.
        other: of another field, of the same shape.
    """
    differences = (alpha.unsqueeze(2) - other.unsqueeze(1)).square().mean(dim=(3, 4, 5))
    return differences.flatten(1).amin(dim=1).mean()
