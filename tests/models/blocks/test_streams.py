import numpy as np
import pytest
import torch

from fgstp.models.blocks.streams import (
    FirstMaskSession,
    NeighbourSession,
    WindowSession,
    resized_mask,
)
from fgstp.models.blocks.triples import OFFSETS_FRAMES
from fgstp.models.session import Prompt
from fgstp.models.settings import NetworkSettings


class Numbers(NeighbourSession[int]):
    """Maps that hold the numbers of a target and its neighbours."""

    def encode(self, frames):
        self.n_passes = getattr(self, "n_passes", 0) + len(frames)
        return frames[:, 0, 0].tolist()

    def decode(self, groups):
        self.largest = max(getattr(self, "largest", 0), len(self._encoded))
        return torch.tensor(groups).unsqueeze(1)


class Positions(WindowSession):
    """Maps that hold the place of each frame in its window."""

    n_frames = 4

    def windows(self, frames):
        places = torch.arange(4.0).view(1, 4, 1, 1)
        return places.expand(len(frames), 4, *self.size)


class Cpu:
    device = torch.device("cpu")
    evaluating = staticmethod(torch.no_grad)

    def __init__(self, mode="causal"):
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
    (only,) = (each for part in pushed(numbers_session(mode), frames[:1]) for each in part)
    assert only.map[0].tolist() == [0, 0, 0]


@pytest.mark.parametrize(("mode", "delay"), [("causal", 0), ("centred", 1), ("forward", 2)])
def test_the_delay_is_the_largest_positive_offset_and_few_features_are_kept(mode, delay):
    session = numbers_session(mode)
    parts = pushed(session, [np.full((1, 3), n, np.uint8) for n in range(100)])
    assert [len(part) for part in parts] == [0] * delay + [1] * (100 - delay) + [delay]
    assert session.largest <= 4


@pytest.mark.parametrize("batch_frames", [1, 8])
def test_windows_follow_each_other_and_frames_are_dropped(batch_frames):
    session = Positions(Cpu(), (1, 3), 10.0, Prompt(), batch_frames)
    frame, places, largest = np.zeros((1, 3), np.uint8), [], 0
    for _ in range(101):
        places += [each.map[0, 0] for each in session.push(frame)]
        largest = max(largest, len(session._frames))
    places += [each.map[0, 0] for each in session.flush()]
    assert places == [*range(4)] * 25 + [3]  # the last window begins three frames earlier
    assert largest <= 4 + max(4, batch_frames)


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


class FadingSession(FirstMaskSession):
    """A mask that fades by the mean of each frame."""

    def encode(self, frames):
        self.model.batches.append(len(frames))
        return frames.mean((1, 2, 3))

    def start(self, encoded, mask):
        self.map = mask.float()

    def advance(self, encoded):
        self.map = self.map * encoded
        return self.map


class FadingModel:
    device = torch.device("cpu")
    evaluating = staticmethod(torch.inference_mode)
    settings = NetworkSettings(
        height_px=2, width_px=3, normalisation={"mean": (0, 0, 0), "std": (1, 1, 1)}
    )

    def __init__(self):
        self.batches = []


FRAMES = np.full((7, 2, 3), 51, np.uint8)  # a fifth
MASK = np.array([[0, 1, 0], [0, 0, 0]], np.uint8)


def faded(mask, batch_frames):
    session = FadingSession(FadingModel(), (2, 3), 15.0, Prompt(mask, 2), batch_frames)
    return pushed(session, FRAMES), session.model.batches


@pytest.mark.parametrize("batch_frames", [1, 3, 8])
def test_a_mask_is_propagated_from_its_frame_on(batch_frames):
    parts, batches = faded(MASK, batch_frames)
    predictions = [each for part in parts for each in part]
    assert [each.frame for each in predictions] == list(range(7))
    assert [each.time_s for each in predictions] == [pytest.approx(n / 15) for n in range(7)]
    for number, each in enumerate(predictions):
        assert each.map.dtype == np.float32
        expected = MASK * (number >= 2) * 0.2 ** max(0, number - 2)
        np.testing.assert_allclose(each.map, expected, rtol=1e-5)
    assert batches == {1: [1] * 5, 3: [3, 2], 8: [5]}[batch_frames]
    assert len(parts[0]) == len(parts[1]) == 1  # before the prompted frame nothing is held back


def test_without_gas_in_the_mask_nothing_is_encoded():
    parts, batches = faded(np.zeros_like(MASK), 3)
    assert not any(each.map.any() for part in parts for each in part)
    assert [len(part) for part in parts] == [1] * 7 + [0]
    assert batches == []
