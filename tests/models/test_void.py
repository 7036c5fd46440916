"""Void pixels: no loss of any model depends on what is predicted there."""

import pytest
import torch

from fgstp.models.blocks import losses
from fgstp.models.rmem import training as rmem
from fgstp.models.xmem_pp import training as xmem
from fgstp.models.zoomnext.model import zoomnext_loss

VOID = -1.0


def of_labels(masks):
    return (masks > 0.5).long().masked_fill(masks < 0, -1).squeeze(1)


def two(logits):
    """Logits of background and gas."""
    return torch.cat([-logits, logits], dim=1)


LOSSES = {
    "hybrid": lambda logits, masks: losses.hybrid_loss([logits, 2 * logits], masks, (1.0, 0.5)),
    "unweighted": lambda logits, masks: losses.structure_loss(logits, masks, "mean"),
    "long_term": lambda logits, masks: losses.long_term_loss([logits], masks),
    "zoomnext": lambda logits, masks: zoomnext_loss(logits, masks, 0.5),
    "rmem": lambda logits, masks: rmem.frame_loss(two(logits), of_labels(masks), 0.5),
    "xmem": lambda logits, masks: xmem.frame_loss(two(logits), logits.sigmoid(), masks, 0.5),
}


@pytest.fixture
def pictures():
    """Logits, and masks with gas on the left and void on the right."""
    generator = torch.Generator().manual_seed(0)
    masks = torch.zeros(2, 1, 40, 48)
    masks[..., 5:20, 4:16] = 1.0
    masks[..., 30:] = VOID
    return torch.randn(2, 1, 40, 48, generator=generator), masks


@pytest.mark.parametrize("name", LOSSES)
def test_no_loss_depends_on_predictions_in_void(pictures, name):
    logits, masks = pictures
    logits.requires_grad_()
    terms = LOSSES[name](logits, masks)
    sum(terms).backward()
    void = masks < 0
    assert not logits.grad[void].any()
    assert logits.grad[~void].any()
    other = torch.where(void, -3 * logits.detach() + 1, logits.detach())
    torch.testing.assert_close(tuple(LOSSES[name](other, masks)), tuple(terms))


@pytest.mark.parametrize("name", LOSSES)
def test_void_is_not_background(pictures, name):
    logits, masks = pictures
    as_background = LOSSES[name](logits, masks.clamp(min=0))
    assert sum(LOSSES[name](logits, masks)) != sum(as_background)


def test_the_iou_of_void_counts_for_nothing(pictures):
    """By hand: with void cut off, the overlap is the same; without weights of a border."""
    logits, masks = pictures
    whole = losses.structure_loss(logits, masks, weights=torch.ones_like(masks)).iou
    cut = (logits[..., :30], masks[..., :30])
    part = losses.structure_loss(*cut, weights=torch.ones_like(cut[1])).iou
    torch.testing.assert_close(whole, part)
