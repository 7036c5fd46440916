"""What Motion Grouping is trained with: no mask is looked at."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

EPS = 1e-5


class GroupingLoss(NamedTuple):
    """The three terms, each a scalar without its weight.

    Attributes:
        reconstruction: mean squared difference of the pictures and the layers blended again.
        entropy: of the layers' shares, the mean over pixels; 0 where each pixel is of one layer.
        consistency: of the two fields of a frame; 0 where a layer of one is one of the other.
    """

    reconstruction: Tensor
    entropy: Tensor
    consistency: Tensor


def grouping_loss(pictures: Tensor, reconstruction: Tensor, alpha: Tensor) -> GroupingLoss:
    """The three terms for B frames with two fields each, computed as float32.

    Args:
        pictures: (2 B, C, H, W), the two of a frame one after the other.
        reconstruction: of the same shape.
        alpha: (2 B, K, 1, H, W) in [0, 1].

    Returns:
        The terms.
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
    """How far the layers of two fields are apart, the mean over the batch.

    The published form: the smallest entry of the matrix of mean squared differences between
    every layer of one field and every layer of the other. No assignment is sought, so that
    one pair of layers that agree is enough.

    Args:
        alpha: (B, K, 1, H, W), of one field of each frame.
        other: of another field, of the same shape.

    Returns:
        A scalar.
    """
    differences = (alpha.unsqueeze(2) - other.unsqueeze(1)).square().mean(dim=(3, 4, 5))
    return differences.flatten(1).amin(dim=1).mean()
