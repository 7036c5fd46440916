import numpy as np
import pytest
import torch

from fgstp.models.blocks.streams import NeighbourSession, resized_mask
from fgstp.models.blocks.triples import OFFSETS_FRAMES
from fgstp.models.session import Prompt


class Numbers(NeighbourSession[int]):
    """Maps that hold the numbers of a target and its neighbours."""

    def encode(self, frames):
        self.n_passes = getattr(self, "n_passes", 0) + len(frames)
        return frames[:, 0, 0].tolist()

    def decode(self, groups):
        self.largest = max(getattr(self, "largest", 0), len(self._encoded))
        return torch.tensor(groups).unsqueeze(1)


class Cpu:
    device = torch.device("cpu")
    evaluating = staticmethod(torch.no_grad)

    def __init__(self, mode):
        self.offsets_frames = OFFSETS_FRAMES[mode]


def numbers_session(mode, batch_frames=1):
    return Numbers(Cpu(mode), (1, 3), 10.0, Prompt(), batch_frames)


def pushed(session, frames):
    return [session.push(frame) for frame in frames] + [session.flush()]


EXPECTED = {  # of a video of five frames: a missing neighbour is the nearest frame there is
    "centred": [(0, 1), (0, 2), (1, 3), (2, 4), (3, 4)],
    "forward": [(1, 2), (2, 3), (3, 4), (4, 4), (4, 4)],
    "causal": [(0, 0), (0, 0), (1, 0), (2, 1), (3, 2)],
}


@pytest.mark.parametrize("batch_frames", [1, 2, 3, 20])
@pytest.mark.parametrize("mode", EXPECTED)
def test_every_target_comes_in_turn_with_its_neighbours(mode, batch_frames):
    session = numbers_session(mode, batch_frames)
    frames = [np.full((1, 3), n, np.uint8) for n in range(5)]
    found = [each.map[0].tolist() for part in pushed(session, frames) for each in part]
    assert found == [[n, *pair] for n, pair in enumerate(EXPECTED[mode])]
    assert session.n_passes == 5  # each frame is encoded once
    assert batch_frames > 1 or session.largest <= 4  # and dropped
    (only,) = (each for part in pushed(numbers_session(mode), frames[:1]) for each in part)
    assert only.map[0].tolist() == [0, 0, 0]


# ---------------------------------------------------------------- the mask of one frame


def mask_of(height, width, rows, columns):
    mask = torch.zeros(height, width, dtype=torch.bool)
    mask[rows, columns] = True
    return mask


def test_a_mask_is_resized_by_nearest_pixels():
    gas = mask_of(4, 6, 1, slice(2, 4))
    assert torch.equal(resized_mask(gas, (8, 12)), mask_of(8, 12, slice(2, 4), slice(4, 8)))
    assert torch.equal(resized_mask(gas, (4, 6)), gas)
    gas = mask_of(100, 100, slice(20, 60), slice(30, 80))
    assert torch.equal(resized_mask(gas, (10, 10)), mask_of(10, 10, slice(2, 6), slice(3, 8)))
    assert not resized_mask(~gas & gas, (10, 10)).any()


@pytest.mark.parametrize(("row", "column"), [(4, 31), (0, 0), (39, 59)])
def test_a_tiny_mask_does_not_vanish(row, column):
    resized = resized_mask(mask_of(40, 60, row, column), (10, 10))
    assert resized.shape == (10, 10)
    assert resized.nonzero().tolist() == [[row // 4, column // 6]]
