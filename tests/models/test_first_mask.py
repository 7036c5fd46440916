import numpy as np
import pytest
import torch

from fgstp.models.blocks.streams import FirstMaskSession, resized_mask
from fgstp.models.session import Prompt
from fgstp.models.settings import NetworkSettings


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


@pytest.mark.parametrize(("row", "column"), [(4, 31), (0, 0), (39, 59)])
def test_a_tiny_mask_does_not_vanish(row, column):
    resized = resized_mask(mask_of(40, 60, row, column), (10, 10))
    assert resized.shape == (10, 10)
    assert resized.nonzero().tolist() == [[row // 4, column // 6]]


def test_no_gas_stays_no_gas():
    assert not resized_mask(torch.zeros(40, 60, dtype=torch.bool), (10, 10)).any()


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


def pushed(mask, batch_frames):
    session = FadingSession(FadingModel(), (2, 3), 15.0, Prompt(mask, 2), batch_frames)
    counts = [session.push(frame) for frame in FRAMES]
    return [*counts, session.flush()], session.model.batches


@pytest.mark.parametrize("batch_frames", [1, 3, 8])
def test_a_mask_is_propagated_from_its_frame_on(batch_frames):
    parts, batches = pushed(MASK, batch_frames)
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
    parts, batches = pushed(np.zeros_like(MASK), 3)
    assert not any(each.map.any() for part in parts for each in part)
    assert [len(part) for part in parts] == [1] * 7 + [0]
    assert batches == []
