"""Losses of segmentation maps."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

BceMode = Literal["weighted", "mean"]
WINDOW_PX = 31
CERTAIN_BACKGROUND = -30.0  # a logit
TINY = 1e-8


class StructureLoss(NamedTuple):
    """The two terms of the hybrid loss, each a scalar.

    Attributes:
        bce: binary cross-entropy.
        iou: one minus the weighted intersection over union, in [0, 1].
    """

    bce: Tensor
    iou: Tensor


def without_void(logits: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Make void pixels, where masks are negative, background that is predicted as such.

    Args:
        logits: (B, 1, H, W).
        masks: (B, 1, H, W) in [0, 1], or -1 for void.

    Returns:
        Logits and masks without void; the void pixels have no loss and no gradient.
    """
    return logits.masked_fill(masks < 0, CERTAIN_BACKGROUND), masks.clamp(min=0.0)


def boundary_weights(masks: Tensor) -> Tensor:
    """Weights of pixels: 1, and up to 6 where the mask differs from its surroundings.

    `w = 1 + 5 |avgpool31(G) - G|`. Zeros are padded and counted, so gas that touches the border
    of the picture weighs more there.

    Args:
        masks: G, (B, 1, H, W) float32 in [0, 1].

    Returns:
        (B, 1, H, W) float32 in [1, 6].
    """
    surroundings = functional.avg_pool2d(masks, WINDOW_PX, stride=1, padding=WINDOW_PX // 2)
    return 1.0 + 5.0 * (surroundings - masks).abs()


def bootstrap_fraction(progress: float, start: float, end: float, least: float) -> float:
    """Fraction of the pixels of a frame in `bootstrapped_cross_entropy`.

    Args:
        progress: fraction of the training that is done.
        start: until then the fraction is 1; then it falls linearly.
        end: from then on it is `least`.
        least: the smallest fraction.
    """
    done = min(max((progress - start) / (end - start), 0.0), 1.0)
    return 1.0 - done * (1.0 - least)


def bootstrapped_cross_entropy(logits: Tensor, labels: Tensor, fraction: float) -> Tensor:
    """Mean cross-entropy of the hardest pixels of each frame, mean over the frames.

    Args:
        logits: (B, K, H, W), converted to float32.
        labels: (B, H, W) int64 in [0, K), or -1 for void, which has no loss.
        fraction: of the pixels, in (0, 1]; their number is rounded down, but is at least one.
    """
    with torch.autocast(logits.device.type, enabled=False):
        entropy = functional.cross_entropy(
            logits.float(), labels, ignore_index=-1, reduction="none"
        ).flatten(1)
        n_hardest = max(1, int(fraction * entropy.shape[1]))
        if n_hardest < entropy.shape[1]:
            entropy = entropy.topk(n_hardest, dim=1, sorted=False).values
        return entropy.mean()


def structure_loss(
    logits: Tensor, masks: Tensor, bce: BceMode = "weighted", weights: Tensor | None = None
) -> StructureLoss:
    """Weighted binary cross-entropy and weighted IoU (Eq. 5), each the mean over the batch.

    With p = sigmoid(logits), G the mask and w the weights, sums over the pixels of a picture:

        bce = sum(w ce(p, G)) / sum(w)
        iou = 1 - (sum(w p G) + 1) / (sum(w (p + G)) - sum(w p G) + 1)

    The IoU term of a picture without gas is nearly 1 whatever the prediction, with hardly any
    gradient; such pictures are learned from through the cross-entropy.

    Args:
        logits: (B, 1, H, W), computed with as float32.
        masks: (B, 1, H, W) float32 in [0, 1], may be soft; -1 for void, which has no loss.
        bce: `weighted` as above, or `mean`: unweighted, which is what the released code
            computes by an oversight.
        weights: `boundary_weights(masks)`, if already computed.

    """
    with torch.autocast(logits.device.type, enabled=False):
        logits, masks = without_void(logits.float(), masks.float())
        w = boundary_weights(masks) if weights is None else weights
        pixels = (1, 2, 3)
        entropy = functional.binary_cross_entropy_with_logits(logits, masks, reduction="none")
        if bce == "weighted":
            entropy = (w * entropy).sum(pixels) / w.sum(pixels)
        p = torch.sigmoid(logits)
        both = (w * p * masks).sum(pixels)
        either = (w * (p + masks)).sum(pixels) - both
        return StructureLoss(entropy.mean(), (1.0 - (both + 1.0) / (either + 1.0)).mean())


def hybrid_loss(
    outputs: Sequence[Tensor],
    masks: Tensor,
    output_weights: Sequence[float],
    bce: BceMode = "weighted",
) -> StructureLoss:
    """Weighted sum of the structure losses of several outputs against the same masks.

    Args:
        outputs: logits, (B, 1, H, W) each.
        masks: (B, 1, H, W) float32 in [0, 1], or -1 for void.
        output_weights: weight of each output; an output of weight 0 is left out.
        bce: as for `structure_loss`.

    Returns:
        Both terms; the loss is their sum.
    """
    masks = masks.float()
    weights = boundary_weights(masks.clamp(min=0.0))
    bce_sum = iou_sum = masks.new_zeros(())
    for logits, factor in zip(outputs, output_weights, strict=True):
        if factor:
            term = structure_loss(logits, masks, bce, weights)
            bce_sum, iou_sum = bce_sum + factor * term.bce, iou_sum + factor * term.iou
    return StructureLoss(bce_sum, iou_sum)


class LongTermLoss(NamedTuple):
    """The terms of `StructureLoss` and one minus the enhanced alignment, each a scalar."""

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
        masks: (B, 1, H, W) float32 in [0, 1], may be soft; -1 for void.
    """
    with torch.autocast(logits.device.type, enabled=False):
        logits, masks = without_void(logits.float(), masks)
        a, b = (x - x.mean((1, 2, 3), keepdim=True) for x in (logits.sigmoid(), masks))
        xi = (2 * a * b + TINY) / (a.square() + b.square() + TINY)
        return 1 - ((1 + xi).square() / 4).mean()


def long_term_loss(
    outputs: Sequence[Tensor], masks: Tensor, bce: BceMode = "weighted"
) -> LongTermLoss:
    """Hybrid E-loss: cross-entropy, alignment and IoU, summed over several outputs.

    Arguments are those of `hybrid_loss`; the loss is the sum of the terms.
    """
    masks = masks.float()
    structure = hybrid_loss(outputs, masks, (1.0,) * len(outputs), bce)
    alignment = torch.stack([alignment_loss(logits, masks) for logits in outputs]).sum()
    return LongTermLoss(structure.bce, structure.iou, alignment)
