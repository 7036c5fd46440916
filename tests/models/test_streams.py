"""Sessions of neighbours and windows, and that every model streams what it predicts."""

from collections import deque

import numpy as np
import pytest
import torch

from fgstp.models.blocks.streams import NeighbourSession, WindowSession
from fgstp.models.blocks.triple_network import OFFSETS_FRAMES, neighbours
from fgstp.models.predictor import Predictor
from fgstp.models.registry import create_model
from fgstp.models.session import Prompt

SMALL = {"height_px": 32, "width_px": 32, "encoder": {"name": "pvt_v2_b0"}}
UNPROMPTED = {
    "fgstp": SMALL,
    "fgstp_no_ctc": SMALL,
    "slt_net": SMALL,
    "sinet_v2": SMALL,
    "zoomnext": {
        **SMALL,
        "height_px": 64,
        "width_px": 64,
        "n_frames": 2,
        "width": 8,
        "batch_frames": 4,
    },
    "mg": {"height_px": 16, "width_px": 16, "width": 8},
    "background": {"method": "energy"},
}
DELAYS_FRAMES = {
    "fgstp": 1,
    "fgstp_no_ctc": 1,
    "slt_net": 2,
    "sinet_v2": 0,
    "zoomnext": 1,
    "mg": 2,
    "background": 0,
}


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


def numbers_session(mode, batch_frames=1):
    session = Numbers(Cpu(), (1, 3), 10.0, Prompt(), batch_frames)
    session.offsets_frames = OFFSETS_FRAMES[mode]
    return session


def pushed(session, frames):
    return [session.push(frame) for frame in frames] + [session.flush()]


@pytest.mark.parametrize("n_frames", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("batch_frames", [1, 2, 3, 20])
@pytest.mark.parametrize("mode", OFFSETS_FRAMES)
def test_every_target_comes_in_turn_with_its_neighbours(mode, batch_frames, n_frames):
    session = numbers_session(mode, batch_frames)
    frames = [np.full((1, 3), n, np.uint8) for n in range(n_frames)]
    found = [each.map[0].tolist() for part in pushed(session, frames) for each in part]
    assert found == [[n, *neighbours(n, n_frames, mode)] for n in range(n_frames)]
    assert session.n_passes == n_frames  # each frame is encoded once


@pytest.mark.parametrize(("mode", "delay"), [("causal", 0), ("centred", 1), ("forward", 2)])
def test_the_delay_is_the_largest_positive_offset(mode, delay):
    parts = pushed(numbers_session(mode), [np.full((1, 3), n, np.uint8) for n in range(6)])
    assert [len(part) for part in parts] == [0] * delay + [1] * (6 - delay) + [delay]


@pytest.mark.parametrize("mode", OFFSETS_FRAMES)
def test_features_of_few_frames_are_kept_however_long_the_video(mode):
    session = numbers_session(mode)
    for n in range(3000):
        session.push(np.full((1, 3), n % 256, np.uint8))
    assert session.largest <= 4


@pytest.mark.parametrize("batch_frames", [1, 8])
def test_windows_follow_each_other_and_frames_are_dropped(batch_frames):
    session = Positions(Cpu(), (1, 3), 10.0, Prompt(), batch_frames)
    frame, places, largest = np.zeros((1, 3), np.uint8), [], 0
    for _ in range(3001):
        places += [each.map[0, 0] for each in session.push(frame)]
        largest = max(largest, len(session._frames))
    places += [each.map[0, 0] for each in session.flush()]
    assert places == [*range(4)] * 750 + [3]  # the last window begins three frames earlier
    assert largest <= 4 + max(4, batch_frames)


@pytest.mark.parametrize("name", UNPROMPTED)
def test_frames_that_are_pushed_one_by_one_get_the_maps_of_predict(name):
    torch.manual_seed(0)
    model = create_model(name, UNPROMPTED[name])
    frames = np.random.default_rng(0).integers(0, 256, (7, 40, 48)).astype(np.uint8)
    predictions = [each for part in pushed(model.session(40, 48), frames) for each in part]
    assert [each.frame for each in predictions] == list(range(7))
    maps = np.stack([each.map for each in predictions])
    np.testing.assert_allclose(maps, model.predict(frames), atol=1e-5)


@pytest.mark.parametrize("name", UNPROMPTED)
def test_a_prediction_comes_after_the_delay_that_the_model_states(name):
    model = create_model(name, UNPROMPTED[name])
    assert model.delay_frames == DELAYS_FRAMES[name]
    frames = np.random.default_rng(0).integers(0, 256, (9, 40, 48)).astype(np.uint8)
    waits = [
        pushed_frame - each.frame
        for pushed_frame, part in enumerate(pushed(model.session(40, 48), frames)[:-1])
        for each in part
    ]
    assert max(waits) == model.delay_frames


def test_a_causal_model_has_no_delay():
    model = create_model("fgstp", SMALL | {"neighbours": "causal"})
    assert (model.delay_frames, model.context_s(10.0)) == (0, 0.2)
    session = model.session(40, 48)
    frames = np.random.default_rng(0).integers(0, 256, (5, 40, 48)).astype(np.uint8)
    assert [[each.frame for each in session.push(frame)] for frame in frames] == [
        [n] for n in range(5)
    ]


@pytest.mark.parametrize("name", [name for name in UNPROMPTED if name != "background"])
def test_a_prediction_depends_on_the_stated_context_and_on_nothing_before(name):
    torch.manual_seed(0)
    model = create_model(name, UNPROMPTED[name])
    n_before = round(10.0 * model.context_s(10.0))
    frames = np.random.default_rng(0).integers(0, 256, (14, 40, 48)).astype(np.uint8)
    first = 6  # an even number: windows of two frames begin there in both sessions
    whole = model.predict(frames, fps_hz=10.0)[first:]
    part = model.predict(frames[first - n_before :], fps_hz=10.0)[n_before:]
    np.testing.assert_allclose(part, whole, atol=1e-5)


def held_bytes(thing, seen):
    """Bytes of all arrays and tensors that something holds, its model aside."""
    if id(thing) in seen or isinstance(thing, Predictor):
        return 0
    seen.add(id(thing))
    if isinstance(thing, np.ndarray | torch.Tensor):
        return thing.nbytes
    inner = thing.values() if isinstance(thing, dict) else getattr(thing, "__dict__", {}).values()
    if isinstance(thing, list | tuple | deque):
        inner = thing
    return sum(held_bytes(each, seen) for each in inner)


@pytest.mark.slow
@pytest.mark.parametrize("name", UNPROMPTED)
def test_no_session_without_a_prompt_grows_over_3000_frames(name):
    torch.manual_seed(0)
    model = create_model(name, UNPROMPTED[name])
    session = model.session(32, 32)
    frames = np.random.default_rng(0).integers(0, 256, (7, 32, 32)).astype(np.uint8)
    held = []
    for number in range(3000):
        session.push(frames[number % 7])
        held.append(held_bytes(session, set()))
    assert 0 < max(held) == max(held[:100])
