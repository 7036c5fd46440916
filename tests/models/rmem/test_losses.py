import pytest
import torch
from torch.nn import functional

from fgstp.models.rmem.losses import frame_loss, soft_jaccard


def logits_of(probabilities):
    """Logits of two labels, (B, 2, H, W), from the probability of label 1."""
    p = torch.tensor(probabilities)
    return torch.stack([(1 - p).log(), p.log()], dim=1)


P = [[[0.9, 0.2], [0.4, 0.1]]]
LABELS = torch.tensor([[[1, 0], [1, 0]]])


def test_soft_jaccard_by_hand():
    # Gas: sum pg = 1.3, sum p(1-g) = 0.3, sum g(1-p) = 0.7; background: 1.7, 0.7, 0.3.
    expected = 1 - (1.3 / 2.3 + 1.7 / 2.7) / 2
    assert soft_jaccard(logits_of(P), LABELS) == pytest.approx(expected, rel=1e-5)


def test_soft_jaccard_leaves_out_labels_that_are_not_there():
    empty, full = torch.zeros_like(LABELS), torch.ones_like(LABELS)
    # Sum of p over the frame is 1.6.
    assert soft_jaccard(logits_of(P), empty) == pytest.approx(1 - 2.4 / 4, rel=1e-5)
    assert soft_jaccard(logits_of(P), full) == pytest.approx(1 - 1.6 / 4, rel=1e-5)
    both = soft_jaccard(logits_of(P * 2), torch.cat([empty, full]))
    assert both == pytest.approx(((1 - 2.4 / 4) + (1 - 1.6 / 4)) / 2, rel=1e-5)


def test_a_perfect_map_costs_nothing_and_a_wrong_one_the_most():
    right = 60.0 * (2 * functional.one_hot(LABELS, 2).permute(0, 3, 1, 2) - 1)
    assert frame_loss(right, LABELS, 1.0).total() == pytest.approx(0.0, abs=1e-6)
    assert frame_loss(-right, LABELS, 1.0).jaccard == pytest.approx(1.0)


def test_the_loss_is_half_of_both_and_float32_under_autocast():
    logits = logits_of(P)
    terms = frame_loss(logits, LABELS, 0.5)
    assert terms.total() == pytest.approx((terms.entropy + terms.jaccard) / 2)
    with torch.autocast("cpu", torch.bfloat16):
        assert frame_loss(logits.bfloat16(), LABELS, 0.5).total().dtype == torch.float32
