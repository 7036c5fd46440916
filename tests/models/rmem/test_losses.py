import pytest
import torch
from torch.nn import functional

from fgstp.models.rmem.losses import (
    frame_loss,
    hardest_entropy,
    hardest_share,
    soft_jaccard,
)


def test_the_share_of_pixels_falls_in_the_first_half():
    shares = {0.0: 1.0, 0.25: 0.575, 0.5: 0.15, 0.9: 0.15}
    assert {at: pytest.approx(hardest_share(at)) for at in shares} == shares


def logits_of(probabilities):
    """Logits of two labels, (B, 2, H, W), from the probability of label 1."""
    p = torch.tensor(probabilities)
    return torch.stack([(1 - p).log(), p.log()], dim=1)


P = [[[0.9, 0.2], [0.4, 0.1]]]
LABELS = torch.tensor([[[1, 0], [1, 0]]])


def test_cross_entropy_is_the_mean_of_the_hardest_pixels():
    terms = sorted((-torch.tensor([0.9, 0.8, 0.4, 0.9]).log()).tolist(), reverse=True)
    for share, n in {1.0: 4, 0.8: 3, 0.5: 2, 0.3: 1, 0.01: 1}.items():
        expected = sum(terms[:n]) / n
        assert hardest_entropy(logits_of(P), LABELS, share) == pytest.approx(expected, rel=1e-5)


def test_each_frame_has_hardest_pixels_of_its_own(draw):
    logits, labels = draw(2, 3, 6, 5), torch.randint(0, 3, (2, 6, 5))
    logits[0] *= 9  # its pixels are all harder
    each = [hardest_entropy(logits[i : i + 1], labels[i : i + 1], 0.2) for i in range(2)]
    torch.testing.assert_close(hardest_entropy(logits, labels, 0.2), torch.stack(each).mean())
    whole = functional.cross_entropy(logits, labels)
    torch.testing.assert_close(hardest_entropy(logits, labels, 1.0), whole)


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
