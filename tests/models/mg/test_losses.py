import math

import pytest
import torch

from fgstp.models.mg.model import consistency, entropy, grouping_loss


def shares(*values):
    """Two layers of pictures of 1 x 2 pixels, from the shares of the first."""
    first = torch.tensor(values).view(-1, 1, 1, 1, 2)
    return torch.cat([first, 1 - first], dim=1)


def test_entropy_is_that_of_a_coin():
    assert entropy(shares([0.5, 0.5])) == pytest.approx(math.log(2), abs=1e-4)
    assert entropy(shares([1.0, 0.0])) == pytest.approx(0.0, abs=2e-5)
    one_of_two = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75)) / 2
    assert entropy(shares([0.25, 1.0])) == pytest.approx(one_of_two, abs=2e-5)


def test_consistency_is_the_smallest_entry():
    # First with first: (0.1^2 + 0.3^2) / 2; crossed: (0.3^2 + 0.5^2) / 2.
    one, other = shares([0.7, 0.9]), shares([0.6, 0.6])
    assert consistency(one, other) == pytest.approx(0.05, abs=1e-6)
    # A swap of the layers costs nothing.
    assert consistency(one, one.flip(1)) == pytest.approx(0.0, abs=1e-9)


def test_consistency_is_the_mean_over_the_batch():
    one, other = shares([0.7, 0.9], [1.0, 1.0]), shares([0.6, 0.6], [0.5, 0.5])
    assert consistency(one, other) == pytest.approx((0.05 + 0.25) / 2, abs=1e-6)


def test_one_pair_of_layers_that_agree_is_enough():
    three = torch.tensor([0.2, 0.3, 0.5]).view(1, 3, 1, 1, 1)
    other = torch.tensor([0.9, 0.1, 0.5]).view(1, 3, 1, 1, 1)
    assert consistency(three, other) == pytest.approx(0.0, abs=1e-9)


def test_fields_are_paired_by_frame():
    alpha = shares([0.7, 0.9], [0.6, 0.6], [0.2, 0.2], [0.2, 0.2])  # two frames, two fields each
    pictures = torch.zeros(4, 3, 1, 2)
    terms = grouping_loss(pictures, torch.full_like(pictures, 0.5), alpha)
    assert terms.reconstruction == pytest.approx(0.25)
    assert terms.consistency == pytest.approx(0.025, abs=1e-6)
    assert terms.entropy == pytest.approx(float(entropy(alpha)))
