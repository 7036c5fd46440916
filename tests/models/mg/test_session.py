from types import SimpleNamespace

import numpy as np
import pytest
import torch

from fgstp.models.mg.flow import other_frame
from fgstp.models.mg.session import MgSession, border_slots, oracle_slots
from fgstp.models.session import Prompt


def layers(*firsts):
    first = torch.stack(firsts).unsqueeze(1).unsqueeze(1)
    return torch.cat([first, 1 - first], dim=1)


def blob(rows, columns, value=0.9, size=(8, 10)):
    share = torch.full(size, 0.1)
    share[rows, columns] = value
    return share


def test_the_border_is_its_outermost_pixels_alone():
    # All of the inside is of the first layer, which is none of the border.
    inside = blob(slice(1, -1), slice(1, -1), value=1.0)
    assert border_slots(layers(inside)).tolist() == [0]
    corner = blob(slice(0, 5), slice(0, 6), value=1.0)  # reaches less than half of the border
    assert border_slots(layers(corner)).tolist() == [0]
    assert border_slots(layers(1 - corner)).tolist() == [1]


def test_of_more_than_two_layers_the_smallest_is_taken():
    alpha = torch.tensor([0.5, 0.2, 0.3]).view(1, 3, 1, 1, 1).expand(1, 3, 1, 4, 4)
    assert border_slots(alpha).tolist() == [1]


def test_without_gas_the_oracle_takes_the_smaller_layer():
    share = blob(slice(2, 6), slice(3, 7))
    masks = torch.zeros(2, 8, 10)
    assert oracle_slots(layers(share, 1 - share), masks).tolist() == [0, 1]


class Indices(MgSession):
    """Notes which frames are compared with which, after how many pushed ones."""

    def _predict(self):
        self._waiting = []
        return np.zeros((1, 1, 1), np.float32)


def indices(gaps):
    found = []
    flow = SimpleNamespace(
        gaps_frames=gaps,
        fields=lambda frame, others: found.append((frame.item(), [x.item() for x in others])),
    )
    settings = SimpleNamespace(flow_picture=False, slot_choice="border")
    model = SimpleNamespace(
        network=None, features=flow, settings=settings, device="cpu", evaluating=torch.no_grad
    )
    return Indices(model, (1, 1), 15.0, Prompt(), 1), found


@pytest.mark.parametrize("gaps", [(-2, -1, 1, 2), (1, -3), (-1, -2), (5, 7)])
@pytest.mark.parametrize("n_frames", [*range(1, 16), 40])
def test_a_frame_is_predicted_when_the_frames_it_is_compared_with_are_there(gaps, n_frames):
    session, found = indices(gaps)
    n_pushed = []
    for number in range(n_frames):
        n_pushed += [number + 1] * len(session.push(np.full((1, 1), number, np.uint8)))
        assert len(session._frames) <= 2 * max(map(abs, gaps)) + 1
    n_pushed += [n_frames] * len(session.flush())
    expected = [[other_frame(n, gap, n_frames) for gap in gaps] for n in range(n_frames)]
    assert found == list(enumerate(expected))
    for number in range(2 * max(map(abs, gaps)), n_frames - max(0, *gaps)):  # not near the ends
        assert n_pushed[number] == number + 1 + max(0, *gaps)
