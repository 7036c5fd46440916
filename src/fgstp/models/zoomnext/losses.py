"""ZoomNeXt's loss."""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


class ZoomNextLoss(NamedTuple):
    """The two terms of the loss, each a scalar; the loss is their sum.

    Attributes:
        bce: binary cross-entropy, mean over all pixels.
        ual: uncertainty of the prediction, weighted.
    """

    bce: Tensor
    ual: Tensor


def uncertainty_weight(progress: float) -> float:
    """Weight of the uncertainty: (1 - cos(pi p)) / 2, from 0 at the start of training to 1."""
    return (1.0 - math.cos(math.pi * progress)) / 2.0


def zoomnext_loss(logits: Tensor, masks: Tensor, progress: float) -> ZoomNextLoss:
    """Binary cross-entropy and uncertainty-aware loss (UAL).

    With s = sigmoid(logits), means over all pixels of the batch:

        bce = mean(cross-entropy(s, masks))
        ual = weight(progress) mean(1 - (2 s - 1)^2)

    Args:
        logits: (B, 1, H, W), computed with as float32.
        masks: (B, 1, H, W) in [0, 1]; may be soft.
        progress: share of the training that is done, in [0, 1].

    Returns:
        Both terms.
    """
    with torch.autocast(logits.device.type, enabled=False):
        logits = logits.float()
        bce = functional.binary_cross_entropy_with_logits(logits, masks.float())
        uncertainty = 1.0 - (2.0 * torch.sigmoid(logits) - 1.0) ** 2
        return ZoomNextLoss(bce, uncertainty_weight(progress) * uncertainty.mean())
