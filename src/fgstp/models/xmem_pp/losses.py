"""What is minimised: cross-entropy of the hardest pixels, and dice."""

from typing import NamedTuple

import torch
from torch import Tensor

from fgstp.models.losses import hardest_entropy


class FrameLoss(NamedTuple):
    """The two terms of the loss, each a scalar, the mean over clips.

    Attributes:
        ce: bootstrapped cross-entropy.
        dice: in [0, 1) for a frame, more for the sum of several.
    """

    ce: Tensor
    dice: Tensor


def frame_loss(logits: Tensor, prob: Tensor, masks: Tensor, fraction: float) -> FrameLoss:
    """Loss of a frame of each of B clips.

        ce = mean of the so many largest -log softmax(logits)[label]
        dice = 1 - (2 sum(p g) + 1) / (sum(p) + sum(g) + 1)

    Args:
        logits: (B, 2, H, W): of background and gas.
        prob: p, (B, 1, H, W) in [0, 1]: probability of gas.
        masks: g, (B, 1, H, W) float, 0 or 1.
        fraction: share of each frame's pixels, the hardest, that count for `ce`; see
            `hardest_entropy`.
    """
    with torch.autocast(logits.device.type, enabled=False):
        ce = hardest_entropy(logits, masks.squeeze(1).long(), fraction)
        prob = prob.float().flatten(1)
        gas = masks.float().flatten(1)
        both, either = (prob * gas).sum(1), prob.sum(1) + gas.sum(1)
        dice = 1.0 - (2.0 * both + 1.0) / (either + 1.0)
        return FrameLoss(ce, dice.mean())
