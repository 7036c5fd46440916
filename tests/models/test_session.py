import numpy as np
import pytest
import torch

from fgstp.core.errors import UserError
from fgstp.models.session import Prompt, Session, top_score


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
