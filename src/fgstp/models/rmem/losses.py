"""Losses of maps of labels."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from fgstp.models.losses import hardest_entropy


class FrameLoss(NamedTuple):
    """The two terms for a frame, each a scalar; the loss is half their sum.

    Attributes:
        entropy: cross-entropy of the hardest pixels.
        jaccard: one minus the soft Jaccard index.
    """

    entropy: Tensor
    jaccard: Tensor

    def total(self) -> Tensor:
        """The loss."""
        return 0.5 * self.entropy + 0.5 * self.jaccard


def frame_loss(logits: Tensor, labels: Tensor, share: float) -> FrameLoss:
    """Both terms, mean over the batch.

    Args:
        logits: (B, K, H, W), computed with as float32.
        labels: (B, H, W) int64 in [0, K).
        share: of the pixels of each frame that cross-entropy is taken over, in (0, 1].
    """
    with torch.autocast(logits.device.type, enabled=False):
        logits = logits.float()
        return FrameLoss(hardest_entropy(logits, labels, share), soft_jaccard(logits, labels))


def soft_jaccard(logits: Tensor, labels: Tensor) -> Tensor:
    """One minus the Jaccard index of probabilities p and masks g.

    1 - sum(p g) / (sum(p g) + sum(p (1 - g)) + sum(g (1 - p))) for each label, background too,
    mean over the labels that are present in a frame, then over frames.

    Args:
        logits: (B, K, H, W) float32.
        labels: (B, H, W) int64 in [0, K).
    """
    p = logits.softmax(1).flatten(2)
    g = functional.one_hot(labels.flatten(1), p.shape[1]).mT.to(p.dtype)  # (B, K, H W)
    both = (p * g).sum(2)
    size = g.sum(2)
    either = p.sum(2) + size - both
    present = (size > 0).to(p.dtype)
    distances = (1.0 - both / either.clamp_min(torch.finfo(p.dtype).tiny)) * present
    return (distances.sum(1) / present.sum(1)).mean()
