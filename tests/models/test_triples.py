import gc

import pytest
import torch

from fgstp.models.layers import Pyramid
from fgstp.models.neighbours import neighbours
from fgstp.models.triples import encoded_triples, pick

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


@pytest.mark.parametrize("mode", EXPECTED)
@pytest.mark.parametrize("batch", [1, 2, 3, 5, 8])
def test_each_frame_is_encoded_once_and_every_target_comes_in_its_turn(mode, batch):
    encoded = []

    def encode(start, stop):
        assert 0 < stop - start <= batch
        encoded.extend(range(start, stop))
        return numbered(range(start, stop))

    found = []
    for triples in encoded_triples(encode, 5, mode, batch):
        assert len(triples.target.p3) <= batch
        for level, factor in enumerate((1, 10, 100)):
            assert {tuple(part[level].shape[1:]) for part in triples} == {
                (2, 4 >> level, 4 >> level)
            }
            numbers = [part[level][:, 0, 0, 0] / factor for part in triples]
            if level == 0:
                found += torch.stack(numbers, 1).tolist()
            torch.testing.assert_close(
                torch.stack(numbers), torch.stack([p.p3[:, 0, 0, 0] for p in triples])
            )
    assert encoded == list(range(5))
    assert found == [[i, *pair] for i, pair in enumerate(EXPECTED[mode])]


def test_features_are_kept_no_longer_than_they_are_needed():
    def encode(start, stop):
        return Pyramid(*(torch.zeros(stop - start, 3, 7, 5) for _ in range(3)))

    along = encoded_triples(encode, 64, "centred", 4)
    for _ in range(10):
        next(along)
    frames = [
        thing
        for thing in gc.get_objects()
        if type(thing) is torch.Tensor and thing.shape == (3, 7, 5)
    ]
    assert 0 < len(frames) / 3 <= 12  # of 40 that were encoded


def test_triples_are_picked_by_number():
    target, first, second = pick(numbered([5, 6, 7, 8]), torch.tensor([[0, 1, 3], [2, 2, 0]]))
    assert target.p3[:, 0, 0, 0].tolist() == [5, 7]
    assert first.p4[:, 0, 0, 0].tolist() == [60, 70]
    assert second.p5[:, 0, 0, 0].tolist() == [800, 500]
