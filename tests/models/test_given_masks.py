import numpy as np
import pytest
import torch

from fgstp.core.errors import UserError
from fgstp.models.background import BackgroundModel, BackgroundSettings
from fgstp.models.base import Given
from fgstp.models.given_masks import followed, resized_mask


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


def test_a_clip_is_followed_from_its_given_frame_on():
    frames = np.arange(5, dtype=np.uint8).reshape(5, 1, 1) * np.ones((1, 2, 3), np.uint8)
    mask = np.array([[0, 1, 0], [0, 0, 0]], np.uint8)

    def later_maps(shown, first_mask):
        assert np.array_equal(shown, frames[2:])
        assert np.array_equal(first_mask, mask == 1)
        yield from torch.from_numpy(shown[1:]) / 10

    maps = followed(frames, Given(mask, 2), later_maps)
    assert maps.dtype == np.float32
    assert not maps[:2].any()
    assert np.array_equal(maps[2], mask)
    np.testing.assert_allclose(maps[3:], frames[3:] / 10, rtol=1e-6)


def test_without_gas_nothing_is_looked_at():
    frames = np.zeros((3, 2, 2), np.uint8)
    maps = followed(frames, Given(np.zeros((2, 2), np.uint8), 1), pytest.fail)
    assert maps.shape == frames.shape
    assert not maps.any()


# ------------------------------------------------------- what models refuse to be told

FRAMES = np.random.default_rng(0).integers(0, 256, (4, 6, 8), dtype=np.uint8)


class Told(BackgroundModel):
    """A model without weights that is told masks, and keeps what it was told."""

    def __init__(self, needs):
        self._needs = needs
        super().__init__(BackgroundSettings())

    @property
    def needs(self):
        return self._needs

    def _predict(self, frames, given):
        self.given = given
        return np.zeros(frames.shape, np.float32)


@pytest.mark.parametrize("number", [2.0, "2", None, np.float32(2), [2], -1, 4])
def test_a_first_frame_that_is_no_frame_is_refused(number):
    with pytest.raises(UserError, match="first_frame is ") as error:
        Told("first_mask").predict_clip(FRAMES, FRAMES[0] % 2, first_frame=number)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("number", [2, np.int64(2), np.uint8(2), torch.tensor(2)])
def test_whatever_counts_is_a_frame_number(number):
    model = Told("first_mask")
    model.predict_clip(FRAMES, FRAMES[0] % 2, first_frame=number)
    assert model.given.first_frame == 2
    assert type(model.given.first_frame) is int


@pytest.mark.parametrize("needs", ["frames", "first_mask", "all_masks"])
@pytest.mark.parametrize("shape", [(3, 6, 8), (5, 6, 8), (4, 8, 6), (6, 8), (4, 6, 8, 1)])
def test_known_masks_of_another_shape_are_refused(needs, shape):
    with pytest.raises(UserError, match=r"must have the frames' shape \(4, 6, 8\); they have"):
        Told(needs).predict_masked_clip(FRAMES, np.ones(shape, np.uint8))
