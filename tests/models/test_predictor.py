"""What every model does with a video: it streams what it predicts, with the stated delay."""

from collections import deque

import numpy as np
import pytest
import torch

from fgstp.core.errors import UserError
from fgstp.models.base import Predictor
from fgstp.models.registry import create_model
from fgstp.models.session import Prompt

B0 = {"height_px": 32, "width_px": 32, "encoder": {"name": "pvt_v2_b0"}}
TWO = {"height_px": 64, "width_px": 64, "n_frames": 2, "width": 8, "batch_frames": 4}
UNPROMPTED = {  # settings, and the delay in frames
    "fgstp": (B0, 1),
    "fgstp_no_ctc": (B0, 0),
    "fgstp_no_fsp": (B0 | {"neighbours": "causal"}, 0),
    "slt_net": (B0, 2),
    "sinet_v2": (B0, 0),
    "zoomnext": (B0 | TWO, 1),
    "mg": ({"height_px": 16, "width_px": 16, "width": 8}, 2),
    "background": ({"method": "energy"}, 0),
}
FRAMES = np.random.default_rng(0).integers(0, 256, (14, 40, 48)).astype(np.uint8)


@pytest.fixture(scope="module", params=UNPROMPTED)
def unprompted(request):
    """A small model that needs no prompt."""
    torch.manual_seed(0)
    return create_model(request.param, UNPROMPTED[request.param][0])


def test_frames_that_are_pushed_one_by_one_get_the_maps_of_predict_after_the_delay(unprompted):
    session, frames = unprompted.session(40, 48), FRAMES[:9]
    parts = [session.push(frame) for frame in frames]
    waits = [n - each.frame for n, part in enumerate(parts) for each in part]
    predictions = [each for part in [*parts, session.flush()] for each in part]
    assert [each.frame for each in predictions] == list(range(9))
    maps = np.stack([each.map for each in predictions])
    np.testing.assert_allclose(maps, unprompted.predict(frames), atol=1e-5)
    assert max(waits) == unprompted.delay_frames == UNPROMPTED[unprompted.name][1]


def test_a_prediction_depends_on_the_stated_context_and_on_nothing_before(unprompted):
    first = 6  # an even number: windows of two frames begin there in both sessions
    context_s = unprompted.context_s(10.0)
    assert np.isinf(context_s) == (unprompted.name == "background")
    n_before = round(min(first, 10.0 * context_s))
    whole = unprompted.predict(FRAMES, fps_hz=10.0)[first:]
    part = unprompted.predict(FRAMES[first - n_before :], fps_hz=10.0)[n_before:]
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


@pytest.mark.parametrize("n_frames", [60, pytest.param(3000, marks=pytest.mark.slow)])
def test_no_session_without_a_prompt_grows(unprompted, n_frames):
    session, held = unprompted.session(32, 32), []
    for number in range(n_frames):
        session.push(FRAMES[number % 7, :32, :32])
        held.append(held_bytes(session, set()))
    assert 0 < max(held) == max(held[:30])


@pytest.mark.parametrize("training", [True, False])
def test_predicting_leaves_the_network_in_its_mode_and_changes_nothing(unprompted, training):
    unprompted.train(training)
    before = {name: tensor.clone() for name, tensor in unprompted.state_dict().items()}
    first = unprompted.predict(FRAMES[:4])
    assert unprompted.training == training
    np.testing.assert_array_equal(first, unprompted.predict(FRAMES[:4]))
    for name, tensor in unprompted.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_a_video_on_disk_of_one_frame_serves_and_a_prompt_is_not_looked_at(unprompted, tmp_path):
    np.save(tmp_path / "frames.npy", FRAMES[:1])
    frames = np.load(tmp_path / "frames.npy", mmap_mode="r")
    maps = unprompted.predict(frames)
    assert (maps.shape, maps.dtype) == ((1, 40, 48), np.float32)
    mask = np.ones((40, 48), np.uint8)
    np.testing.assert_array_equal(unprompted.predict(FRAMES[:1], prompt=Prompt(mask)), maps)


@pytest.mark.parametrize(
    ("shape", "kind"),
    [((0, 8, 8), "u1"), ((8, 8), "u1"), ((2, 8, 8, 3), "u1"), ((2, 8, 8), "f4")],
)
def test_frames_of_another_form_are_refused(shape, kind):
    with pytest.raises(UserError, match=r"uint8 array \(T, H, W\)"):
        create_model("background").predict(np.zeros(shape, kind))


# --------------------------------------------- models that propagate the mask of a frame

R18 = {"name": "resnet18"}
RMEM = {"encoder": R18, "width": 32, "n_layers": 2}
XMEM = {"key_encoder": R18, "value_encoder": R18} | {
    "widths": {"key": 16, "value": 32, "sensory": 16, "coarse": 32, "fine": 16}
}
PROMPTED = {
    "rmem_aotl": ("rmem", RMEM, "write_every_frames"),
    "rmem_deaotl": ("rmem", RMEM | {"base": "deaotl"}, "write_every_frames"),
    "xmem_pp": ("xmem_pp", XMEM, "memory_every_frames"),
}
MASK = np.zeros((40, 56), np.uint8)
MASK[10:24, 8:22] = 1


@pytest.fixture(params=PROMPTED)
def prompted(request, randomised):
    """A small model whose every weight has a say, and which writes every other frame."""
    name, settings, every = PROMPTED[request.param]

    def build(size=(48, 64), **changed):
        height, width = size
        size = {"height_px": height, "width_px": width}
        built = create_model(
            name, settings | {"output": "soft", "memory": {every: 2}} | size | changed
        )
        with torch.no_grad():
            randomised(built.network)
            if name == "xmem_pp":
                built.network.key_head.key.weight.mul_(0.1)
                built.network.decoder.score.weight.mul_(0.2)
        return built

    return build


def test_maps_have_the_size_of_the_frames_and_begin_with_the_mask(prompted, clip):
    model, frames = prompted(), clip(8)
    assert model.prompt_kind == "first_mask"
    maps = model.predict(frames, prompt=Prompt(MASK, 2))
    assert (maps.shape, maps.dtype) == (frames.shape, np.float32)
    assert not maps[:2].any()
    assert np.array_equal(maps[2], MASK)
    assert 0 <= maps.min() <= maps.max() <= 1
    assert maps[3:].std() > 0.01
    # Frames before the prompted one and other clips have no say.
    assert np.array_equal(maps[2:], model.predict(frames[2:], prompt=Prompt(MASK)))
    other = model.predict(frames, prompt=Prompt(1 - MASK, 2))
    assert np.abs(other[-1] - maps[-1]).max() > 1e-3
    # A clip may end with the prompted frame.
    assert np.array_equal(model.predict(frames[:3], prompt=Prompt(MASK, 2)), maps[:3])


@pytest.mark.parametrize("size", [(30, 50), (16, 16)])
def test_labels_are_soft_maps_cut_at_one_half(prompted, clip, size):
    labels, soft = (
        prompted(size, output=output).predict(clip(4), prompt=Prompt(MASK))
        for output in ("label", "soft")
    )
    assert np.array_equal(labels, soft > 0.5)
    assert soft[1:].std() > 0


def spied(session):
    """A session that notes how many frames it encodes at a time."""
    session.batches, encode = [], session.encode

    def noting(frames):
        session.batches.append(len(frames))
        return encode(frames)

    session.encode = noting
    return session


@pytest.mark.parametrize("batch_frames", [1, 3, 4])
def test_a_prompted_session_predicts_frame_by_frame_what_predict_does(prompted, clip, batch_frames):
    model, frames = prompted(batch_frames=4), clip()
    whole = model.predict(frames, prompt=Prompt(MASK, 1))
    prompt = Prompt(MASK, 1, n_frames=7)
    session = spied(model.session(40, 56, prompt=prompt, batch_frames=batch_frames))
    predictions = session.push(frames[0])
    assert len(predictions) == 1  # before the prompted frame nothing is held back
    for number, frame in enumerate(frames[1:], start=1):
        predictions += session.push(frame)
        assert batch_frames > 1 or len(predictions) == number + 1  # before later frames are known
    predictions += session.flush()
    assert session.batches == {1: [1] * 6, 3: [3, 3], 4: [4, 2]}[batch_frames]
    assert [each.frame for each in predictions] == list(range(7))
    np.testing.assert_allclose(np.stack([each.map for each in predictions]), whole, atol=1e-4)


def test_a_plume_of_one_pixel_is_propagated_and_an_empty_mask_is_not(prompted, clip):
    model, tiny = prompted((16, 16)), np.zeros_like(MASK)
    session = spied(model.session(40, 56, prompt=Prompt(tiny)))
    assert not any(each.map.any() for frame in clip(4) for each in session.push(frame))
    assert session.flush() == session.batches == []
    tiny[3, 4] = 1
    maps = model.predict(clip(4), prompt=Prompt(tiny))
    assert np.array_equal(maps[0], tiny)
    assert (maps[1:] > 0).all()
