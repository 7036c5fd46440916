import math

import pytest
import torch

from fgstp.models.blocks.losses import structure_loss
from fgstp.models.slt_net.network import alignment_loss, long_term_loss


def logit(*values):
    p = torch.tensor(values)
    return (p / (1 - p)).log().view(1, 1, 1, -1)


def mask(*values):
    return torch.tensor(values).view(1, 1, 1, -1)


@pytest.mark.parametrize(
    ("p", "g", "expected"),
    [
        # a = (-.3, .3), b = (-.5, .5): xi = .3 / (.09 + .25), twice.
        ((0.2, 0.8), (0.0, 1.0), 1 - (1 + 0.3 / 0.34) ** 2 / 4),
        # The other way round: xi is its negative.
        ((0.8, 0.2), (0.0, 1.0), 1 - (1 - 0.3 / 0.34) ** 2 / 4),
        # Without contrast in the map: xi = 0.
        ((0.4, 0.4), (0.0, 1.0), 0.75),
        # a = (-.2, .0, .0, .2), b = (-.25, -.25, -.25, .75): xi = .1/.1025, 0, 0, .3/.6025.
        (
            (0.3, 0.5, 0.5, 0.7),
            (0.0, 0.0, 0.0, 1.0),
            1 - ((1 + 0.1 / 0.1025) ** 2 + 1 + 1 + (1 + 0.3 / 0.6025) ** 2) / 16,
        ),
        # Neither has contrast: they agree.
        ((0.4, 0.4), (0.0, 0.0), 0.0),
    ],
)
def test_alignment_by_hand(p, g, expected):
    assert alignment_loss(logit(*p), mask(*g)).item() == pytest.approx(expected, abs=1e-6)


def test_alignment_is_of_each_picture_by_itself():
    maps = torch.cat([logit(0.2, 0.8), logit(0.45, 0.4)])
    masks = torch.cat([mask(0.0, 1.0), mask(1.0, 0.0)])
    one, other = (alignment_loss(maps[i : i + 1], masks[i : i + 1]) for i in range(2))
    assert abs(one - other) > 0.1
    torch.testing.assert_close(alignment_loss(maps, masks), (one + other) / 2)


@pytest.mark.parametrize("bce", ["weighted", "mean"])
def test_the_loss_sums_three_terms_over_the_outputs(draw, bce):
    outputs, masks = draw(3, 2, 1, 20, 24), (draw(2, 1, 20, 24) > 0).float()
    terms = long_term_loss(list(outputs), masks, bce)
    structure = [structure_loss(logits, masks, bce) for logits in outputs]
    torch.testing.assert_close(terms.bce, sum(each.bce for each in structure))
    torch.testing.assert_close(terms.iou, sum(each.iou for each in structure))
    aligned = sum(alignment_loss(logits, masks) for logits in outputs)
    torch.testing.assert_close(terms.alignment, aligned)


def test_gradients_are_finite_without_gas_and_with_certain_maps():
    logits = torch.full((1, 1, 8, 8), -40.0, requires_grad=True)
    terms = long_term_loss([logits], torch.zeros(1, 1, 8, 8))
    sum(terms).backward()
    assert math.isfinite(sum(terms).item())
    assert logits.grad.isfinite().all()
