import numpy as np
import pytest
import torch

from fgstp.core.errors import UserError
from fgstp.models.background import BackgroundModel, BackgroundSettings

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
