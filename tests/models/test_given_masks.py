import numpy as np
import pytest
import torch

from fgstp.core.errors import UserError
from fgstp.models.background import BackgroundModel, BackgroundSettings
from fgstp.models.session import Prompt, prompt_of

FRAMES = np.random.default_rng(0).integers(0, 256, (4, 6, 8), dtype=np.uint8)


class Told(BackgroundModel):
    """A model without weights that is told masks, and keeps what it was told."""

    def __init__(self, kind):
        self.kind = kind
        super().__init__(BackgroundSettings())

    @property
    def prompt_kind(self):
        return self.kind


def told(prompt, kind="first_mask"):
    return Told(kind).session(6, 8, prompt=prompt._replace(n_frames=4)).prompt


@pytest.mark.parametrize("number", [2.0, "2", None, np.float32(2), [2], -1, 4])
def test_a_first_frame_that_is_no_frame_is_refused(number):
    with pytest.raises(UserError, match="first_frame is ") as error:
        Told("first_mask").predict(FRAMES, prompt=Prompt(FRAMES[0] % 2, number))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("number", [2, np.int64(2), np.uint8(2), torch.tensor(2)])
def test_whatever_counts_is_a_frame_number(number):
    given = told(Prompt(FRAMES[0] % 2, number))
    assert given.first_frame == 2
    assert type(given.first_frame) is int


@pytest.mark.parametrize("shape", [(3, 6, 8), (5, 6, 8), (4, 8, 6), (6, 8), (4, 6, 8, 1)])
def test_known_masks_of_another_shape_are_refused(shape):
    with pytest.raises(UserError, match=r"must have the frames' shape \(4, 6, 8\); they have"):
        told(Prompt(masks=np.ones(shape, np.uint8)), "all_masks")


@pytest.mark.parametrize("kind", ["first_mask", "all_masks"])
def test_a_mask_that_is_lacking_is_named(kind):
    with pytest.raises(UserError, match="mask"):
        Told(kind).predict(FRAMES)


@pytest.mark.parametrize(("kind", "frame"), [("none", 0), ("first_mask", 6), ("all_masks", 0)])
def test_a_prompt_of_sparse_masks_holds_what_its_kind_says_and_no_more(kind, frame):
    """Frames 3, 6 and 9 of 12 are annotated; 6 and 9 hold gas."""
    masks, numbers = np.zeros((3, 6, 8), np.uint8), np.array([3, 6, 9])
    masks[1, 2, 2] = masks[2, 3, 3] = 1
    prompt = prompt_of(kind, masks, numbers, 12)
    assert prompt.first_frame == frame
    assert (prompt.first_mask is None) == (kind != "first_mask")
    assert (prompt.masks is None) == (kind != "all_masks")
    if kind == "first_mask":
        np.testing.assert_array_equal(prompt.first_mask, masks[1])
    if kind == "all_masks":
        assert prompt.masks.shape == (12, 6, 8)
        np.testing.assert_array_equal(prompt.masks[numbers], masks)
        assert prompt.masks.sum() == 2


def test_without_gas_the_first_mask_is_that_of_the_first_annotated_frame():
    prompt = prompt_of("first_mask", np.zeros((2, 6, 8), np.uint8), np.array([4, 5]))
    assert prompt.first_frame == 4
    assert not prompt.first_mask.any()
