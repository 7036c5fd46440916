import numpy as np
import pytest
import torch

from fgstp.core.errors import UserError
from fgstp.models.background import BackgroundModel, BackgroundSettings
from fgstp.models.session import Prompt, Session, prompt_of, top_score

FRAMES = np.random.default_rng(0).integers(0, 256, (4, 6, 8), dtype=np.uint8)


class Delayed(Session):
    """Every map is its frame over 255, one frame later."""

    last = None

    def _push(self, frame):
        found, self.last = self._flush(), frame
        return found

    def _flush(self):
        return [] if self.last is None else [np.float32(self.last / 255)]


class Nothing:
    evaluating = staticmethod(torch.no_grad)


def delayed():
    return Delayed(Nothing(), (4, 5), 10.0, Prompt(), 1)


def test_predictions_have_the_number_and_the_time_of_their_frames():
    session, found = delayed(), []
    for number, time_s in enumerate((None, None, 7.5)):
        found.append(session.push(np.full((4, 5), 51 * number, np.uint8), time_s))
    found.append(session.flush())
    assert [len(each) for each in found] == [0, 1, 1, 1]
    predictions = [each for part in found for each in part]
    assert [each[:2] for each in predictions] == [(0, 0.0), (1, 0.1), (2, 7.5)]
    assert [each.score for each in predictions] == pytest.approx([0, 0.2, 0.4])


@pytest.mark.parametrize(
    "frame", [np.zeros((5, 4), np.uint8), np.zeros((4, 5, 3), np.uint8), np.zeros((4, 5))]
)
def test_frames_of_another_form_are_refused(frame):
    with pytest.raises(UserError, match=r"uint8 \(4, 5\)"):
        delayed().push(frame)


def test_a_closed_session_takes_no_frames():
    session = delayed()
    session.flush()
    with pytest.raises(UserError, match="closed"):
        session.push(np.zeros((4, 5), np.uint8))


def test_the_score_is_the_mean_of_the_highest_pixels():
    values = np.zeros((60, 50), np.float32)
    values.flat[[7, 99, 500, 501]] = 0.9, 0.7, 0.5, 0.1
    assert top_score(values) == pytest.approx((0.9 + 0.7 + 0.5) / 3)  # 3 of 3,000
    assert top_score(np.float32([[0.2, 0.4]])) == pytest.approx(0.4)


# ------------------------------------------------------------------------ prompts


class Prompted(BackgroundModel):
    """A model without weights whose sessions need a prompt of some kind."""

    def __init__(self, kind):
        self.kind = kind
        super().__init__(BackgroundSettings())

    @property
    def prompt_kind(self):
        return self.kind


def checked(prompt, kind="first_mask"):
    return Prompted(kind).session(6, 8, prompt=prompt._replace(n_frames=4)).prompt


@pytest.mark.parametrize("number", [2.0, "2", None, np.float32(2), [2], -1, 4])
def test_a_first_frame_that_is_no_frame_is_refused(number):
    with pytest.raises(UserError, match="first_frame is ") as error:
        Prompted("first_mask").predict(FRAMES, prompt=Prompt(FRAMES[0] % 2, number))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("number", [2, np.int64(2), np.uint8(2), torch.tensor(2)])
def test_whatever_counts_is_a_frame_number(number):
    prompt = checked(Prompt(FRAMES[0] % 2, number))
    assert prompt.first_frame == 2
    assert type(prompt.first_frame) is int


@pytest.mark.parametrize("shape", [(3, 6, 8), (5, 6, 8), (4, 8, 6), (6, 8), (4, 6, 8, 1)])
def test_masks_of_another_shape_are_refused(shape):
    with pytest.raises(UserError, match=r"must have the frames' shape \(4, 6, 8\); they have"):
        checked(Prompt(masks=np.ones(shape, np.uint8)), "all_masks")


def test_a_first_mask_of_another_size_is_refused():
    with pytest.raises(UserError, match=r"must have the frames' size \(6, 8\); it has \(8, 6\)"):
        checked(Prompt(np.ones((8, 6), np.uint8)))


@pytest.mark.parametrize("kind", ["first_mask", "all_masks"])
def test_a_mask_that_is_lacking_is_named(kind):
    with pytest.raises(UserError, match="mask"):
        Prompted(kind).predict(FRAMES)


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
