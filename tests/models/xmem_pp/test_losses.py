import pytest
import torch

from fgstp.models.xmem_pp.losses import frame_loss


def segmented(logit):
    return torch.cat([-logit, logit], 1), torch.sigmoid(2 * logit)


@pytest.mark.parametrize(("fraction", "n_hardest"), [(1.0, 48), (0.25, 12), (0.001, 1)])
def test_the_loss_is_that_of_the_hardest_pixels_and_of_dice(draw, fraction, n_hardest):
    logit, masks = draw(3, 1, 6, 8), (draw(3, 1, 6, 8) > 0.5).float()
    masks[2] = 0  # nothing to be found
    p = (1 / (1 + torch.exp(-2 * logit.double()))).flatten(1)
    g = masks.double().flatten(1)
    entropy = -(g * p.log() + (1 - g) * (1 - p).log())
    ce = sum(row.sort(descending=True).values[:n_hardest].mean() for row in entropy) / 3
    dice = sum(
        1 - (2 * (row * gas).sum() + 1) / (row.sum() + gas.sum() + 1)
        for row, gas in zip(p, g, strict=True)
    )
    loss = frame_loss(*segmented(logit), masks, fraction)
    assert loss.ce.item() == pytest.approx(ce.item(), rel=1e-5)
    assert loss.dice.item() == pytest.approx(dice.item() / 3, rel=1e-5)


def test_the_right_answer_costs_nothing():
    masks = torch.zeros(2, 1, 6, 8)
    masks[0, :, 2:4] = 1
    loss = frame_loss(*segmented(50 * (masks - 0.5)), masks, 1.0)
    assert loss.ce.item() == pytest.approx(0, abs=1e-6)
    assert loss.dice.item() == pytest.approx(0, abs=1e-6)


def test_a_pixel_that_is_wrong_beyond_doubt_is_learned_from():
    logit = torch.full((1, 1, 2, 2), 40.0, requires_grad=True)
    frame_loss(*segmented(logit), torch.zeros(1, 1, 2, 2), 1.0).ce.backward()
    assert (logit.grad > 0.1).all()
