"""The loss of SLT-Net's long-term network."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from fgstp.models.losses import BceMode, hybrid_loss

TINY = 1e-8


class LongTermLoss(NamedTuple):
    """Three terms, each a scalar.

    Attributes:
        bce: binary cross-entropy.
        iou: one minus the weighted intersection over union.
        alignment: one minus the enhanced alignment.
    """

    bce: Tensor
    iou: Tensor
    alignment: Tensor


def alignment_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """One minus the enhanced alignment (E-measure) of maps and masks, the mean over the batch.

    With p = sigmoid(logits), G the mask, and means over the pixels of a picture:

        a = p - mean(p), b = G - mean(G)
        xi = (2 a b + 1e-8) / (a^2 + b^2 + 1e-8)
        loss = 1 - mean((1 + xi)^2 / 4)

    Args:
        logits: (B, 1, H, W), computed with as float32.
        masks: (B, 1, H, W) float32 in [0, 1]; may be soft.

    Returns:
        A scalar in [0, 1].
    """
    with torch.autocast(logits.device.type, enabled=False):
        a, b = (x - x.mean((1, 2, 3), keepdim=True) for x in (logits.float().sigmoid(), masks))
        xi = (2 * a * b + TINY) / (a.square() + b.square() + TINY)
        return 1 - ((1 + xi).square() / 4).mean()


def long_term_loss(
    outputs: Sequence[Tensor], masks: Tensor, bce: BceMode = "weighted"
) -> LongTermLoss:
    """Hybrid E-loss: cross-entropy, alignment and IoU, summed over several outputs.

    Args:
        outputs: logits, (B, 1, H, W) each.
        masks: (B, 1, H, W) float32 in [0, 1].
        bce: as for `fgstp.models.losses.structure_loss`.

    Returns:
        The terms; the loss is their sum.
    """
    masks = masks.float()
    structure = hybrid_loss(outputs, masks, (1.0,) * len(outputs), bce)
    alignment = torch.stack([alignment_loss(logits, masks) for logits in outputs]).sum()
    return LongTermLoss(structure.bce, structure.iou, alignment)
