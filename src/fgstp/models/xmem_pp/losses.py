"""What is minimised: cross-entropy of the hardest pixels, and dice."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


class FrameLoss(NamedTuple):
    """The two terms of the loss of a frame, each a scalar, the mean over clips.

    Attributes:
        ce: bootstrapped cross-entropy.
        dice: in [0, 1].
    """

    ce: Tensor
    dice: Tensor


def hardest_fraction(progress: float, start: float, end: float, fraction: float) -> float:
    """Share of the pixels of a frame that the cross-entropy is the mean of.

    Args:
        progress: share of the training that is done.
        start: until then the share is 1; then it falls linearly.
        end: from then on it is `fraction`.
        fraction: the smallest share.
    """
    done = min(max((progress - start) / (end - start), 0.0), 1.0)
    return 1.0 - done * (1.0 - fraction)


def frame_loss(logits: Tensor, prob: Tensor, masks: Tensor, fraction: float) -> FrameLoss:
    """Loss of a frame of each of B clips.

        ce = mean of the so many largest -log softmax(logits)[label]
        dice = 1 - (2 sum(p g) + 1) / (sum(p) + sum(g) + 1)

    Args:
        logits: (B, 2, H, W): of background and gas.
        prob: p, (B, 1, H, W) in [0, 1]: probability of gas.
        masks: g, (B, 1, H, W) float, 0 or 1.
        fraction: share of each frame's pixels, the hardest, that count for `ce`; at least one.
    """
    with torch.autocast(logits.device.type, enabled=False):
        prob, labels = prob.float().flatten(1), masks.squeeze(1).long()
        entropy = functional.cross_entropy(logits.float(), labels, reduction="none").flatten(1)
        n_hardest = max(1, round(fraction * entropy.shape[1]))
        if n_hardest < entropy.shape[1]:
            entropy = entropy.topk(n_hardest, dim=1).values
        gas = masks.float().flatten(1)
        both, either = (prob * gas).sum(1), prob.sum(1) + gas.sum(1)
        dice = 1.0 - (2.0 * both + 1.0) / (either + 1.0)
        return FrameLoss(entropy.mean(), dice.mean())
