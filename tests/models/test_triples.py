import pytest
import torch

from fgstp.models.blocks.layers import Pyramid
from fgstp.models.blocks.triple_network import neighbours, pick

EXPECTED = {  # of a clip of five frames
    "centred": [(0, 1), (0, 2), (1, 3), (2, 4), (3, 4)],
    "forward": [(1, 2), (2, 3), (3, 4), (4, 4), (4, 4)],
    "causal": [(0, 0), (0, 0), (1, 0), (2, 1), (3, 2)],
}


def numbered(numbers):
    """Features whose values are the numbers of their frames."""
    column = torch.tensor(numbers, dtype=torch.float32).view(-1, 1, 1, 1)
    return Pyramid(
        *(column.expand(-1, 2, side, side) * factor for side, factor in ((4, 1), (2, 10), (1, 100)))
    )


@pytest.mark.parametrize("mode", EXPECTED)
def test_a_missing_neighbour_is_the_nearest_frame_there_is(mode):
    assert [neighbours(i, 5, mode) for i in range(5)] == EXPECTED[mode]
    assert neighbours(0, 1, mode) == (0, 0)


def test_triples_are_picked_by_number():
    target, first, second = pick(numbered([5, 6, 7, 8]), torch.tensor([[0, 1, 3], [2, 2, 0]]))
    assert target.p3[:, 0, 0, 0].tolist() == [5, 7]
    assert first.p4[:, 0, 0, 0].tolist() == [60, 70]
    assert second.p5[:, 0, 0, 0].tolist() == [800, 500]
