import math

import pytest
import torch

from fgstp.models.blocks.losses import (
    bootstrap_fraction,
    bootstrapped_cross_entropy,
    boundary_weights,
    hybrid_loss,
    structure_loss,
)

SURE = 30.0  # a logit


@pytest.fixture
def disc():
    """(1, 1, 64, 64) mask of a disc in the middle."""
    y, x = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    return ((x - 32) ** 2 + (y - 32) ** 2 < 100).float()[None, None]


def test_weights_follow_the_neighbourhood_of_31_pixels():
    masks = torch.zeros(1, 1, 80, 80)
    masks[..., 40, 40] = 1
    weights = boundary_weights(masks)[0, 0]
    assert weights[40, 40] == pytest.approx(1 + 5 * (1 - 1 / 961))
    assert weights[25, 55] == pytest.approx(1 + 5 / 961)  # the corner of the window
    assert weights[24, 40] == 1
    # All gas: inside nothing differs; at a corner 16 x 16 of the window are in the picture.
    weights = boundary_weights(torch.ones(1, 1, 80, 80))[0, 0]
    assert weights[40, 40] == pytest.approx(1)
    assert weights[0, 0] == pytest.approx(1 + 5 * (1 - 256 / 961))


def test_terms_by_hand():
    # One row of two pixels: half of the first and none of the second is gas.
    masks, logits = torch.tensor([0.5, 0.0]), torch.tensor([0.0, math.log(3)])
    mean = 0.5 / 961
    w = [1 + 5 * (0.5 - mean), 1 + 5 * mean]
    ce = [math.log(2), math.log(4)]
    p = [0.5, 0.75]
    both = w[0] * p[0] * 0.5
    either = w[0] * (p[0] + 0.5) + w[1] * p[1] - both
    loss = structure_loss(logits.view(1, 1, 1, 2), masks.view(1, 1, 1, 2))
    assert loss.bce.item() == pytest.approx((w[0] * ce[0] + w[1] * ce[1]) / sum(w), rel=1e-5)
    assert loss.iou.item() == pytest.approx(1 - (both + 1) / (either + 1), rel=1e-5)
    loss = structure_loss(logits.view(1, 1, 1, 2), masks.view(1, 1, 1, 2), "mean")
    assert loss.bce.item() == pytest.approx(sum(ce) / 2, rel=1e-5)


def test_a_perfect_map_costs_nothing_and_a_wrong_one_everything(disc):
    for mask in (disc, torch.ones_like(disc), torch.zeros_like(disc)):
        right = structure_loss(SURE * (2 * mask - 1), mask)
        assert right.bce.item() == pytest.approx(0, abs=1e-6)
        assert right.iou.item() == pytest.approx(0, abs=1e-6)
        for mode in ("weighted", "mean"):
            wrong = structure_loss(-SURE * (2 * mask - 1), mask, mode)
            assert wrong.bce.item() == pytest.approx(SURE, rel=1e-5)
            assert wrong.iou.item() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("mode", ["weighted", "mean"])
def test_a_frame_without_gas_teaches_the_network_to_say_nothing(mode):
    logits = torch.full((1, 1, 128, 128), -1.0, requires_grad=True)
    empty = torch.zeros(1, 1, 128, 128)
    loss = structure_loss(logits, empty, mode)
    assert loss.iou > 0.99  # saturated
    (from_iou,) = torch.autograd.grad(loss.iou, logits, retain_graph=True)
    (from_bce,) = torch.autograd.grad(loss.bce, logits)
    # Each pixel is pushed down by its probability; the IoU hardly pushes at all.
    torch.testing.assert_close(from_bce, torch.sigmoid(logits.detach()) / logits.numel())
    assert (from_iou > 0).all()
    assert from_iou.max() < 1e-3 * from_bce.min()


def test_half_precision_logits_are_computed_with_in_full(disc):
    logits = torch.linspace(-3, 3, 64).expand(1, 1, 64, 64).bfloat16()
    expected = structure_loss(logits.float(), disc)
    with torch.autocast("cpu", torch.bfloat16):
        result = structure_loss(logits, disc)
    assert result.bce.dtype == torch.float32
    torch.testing.assert_close(tuple(result), tuple(expected))


def test_the_hybrid_loss_sums_outputs_by_their_weights(disc):
    outputs = [factor * torch.linspace(-3, 3, 64).expand(1, 1, 64, 64) for factor in (1, 2, 3)]
    total = hybrid_loss(outputs, disc, (1.0, 0.0, 0.5), "mean")
    first, third = (structure_loss(outputs[i], disc, "mean") for i in (0, 2))
    torch.testing.assert_close(total.bce, first.bce + 0.5 * third.bce)
    torch.testing.assert_close(total.iou, first.iou + 0.5 * third.iou)
    with pytest.raises(ValueError, match="zip"):
        hybrid_loss(outputs, disc, (1.0, 1.0))


def test_the_share_of_hardest_pixels_falls_linearly():
    shares = [bootstrap_fraction(p, 0.18, 0.64, 0.15) for p in (0.0, 0.18, 0.41, 0.64, 0.99)]
    assert shares == pytest.approx([1.0, 1.0, 0.575, 0.15, 0.15])
    shares = [bootstrap_fraction(p, 0.0, 0.5, 0.15) for p in (0.0, 0.25, 0.5, 0.9)]
    assert shares == pytest.approx([1.0, 0.575, 0.15, 0.15])


@pytest.mark.parametrize(("share", "n"), [(1.0, 4), (0.8, 3), (0.7, 2), (0.3, 1), (0.01, 1)])
def test_cross_entropy_is_the_mean_of_the_hardest_pixels(share, n):
    p, labels = torch.tensor([[[0.9, 0.2], [0.4, 0.1]]]), torch.tensor([[[1, 0], [1, 0]]])
    terms = sorted((-torch.tensor([0.9, 0.8, 0.4, 0.9]).log()).tolist(), reverse=True)
    logits = torch.stack([(1 - p).log(), p.log()], dim=1)
    assert bootstrapped_cross_entropy(logits, labels, share) == pytest.approx(
        sum(terms[:n]) / n, rel=1e-5
    )
    with torch.autocast("cpu", torch.bfloat16):
        assert bootstrapped_cross_entropy(logits.bfloat16(), labels, share).dtype == torch.float32
