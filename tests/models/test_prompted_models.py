"""The models that propagate the mask of one frame."""

import numpy as np
import pytest
import torch

from fgstp.core.errors import UserError
from fgstp.models.registry import create_model
from fgstp.models.session import Prompt

SMALL = {"name": "resnet18"}
RMEM = {"encoder": SMALL, "width": 32, "n_layers": 2}
XMEM = {"key_encoder": SMALL, "value_encoder": SMALL} | {
    "widths": {"key": 16, "value": 32, "sensory": 16, "coarse": 32, "fine": 16}
}
MODELS = {
    "rmem_aotl": ("rmem", RMEM, "write_every_frames"),
    "rmem_deaotl": ("rmem", RMEM | {"base": "deaotl"}, "write_every_frames"),
    "xmem_pp": ("xmem_pp", XMEM, "memory_every_frames"),
}
MASK = np.zeros((40, 56), np.uint8)
MASK[10:24, 8:22] = 1


@pytest.fixture(params=MODELS)
def model(request, randomised):
    """A small model whose every weight has a say, and which writes every other frame."""
    name, settings, every = MODELS[request.param]

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


def test_maps_have_the_size_of_the_frames_and_begin_with_the_mask(model, clip):
    built, frames = model(), clip(9)
    maps = built.predict(frames, prompt=Prompt(MASK, 2))
    assert (maps.shape, maps.dtype) == (frames.shape, np.float32)
    assert not maps[:2].any()
    assert np.array_equal(maps[2], MASK)
    assert 0 <= maps.min() <= maps.max() <= 1
    assert maps[3:].std() > 0.01
    # Frames before the prompted one and other clips have no say.
    assert np.array_equal(maps[2:], built.predict(frames[2:], prompt=Prompt(MASK)))
    other = built.predict(frames, prompt=Prompt(1 - MASK, 2))
    assert np.abs(other[-1] - maps[-1]).max() > 1e-3


@pytest.mark.parametrize("size", [(48, 64), (30, 50), (16, 16)])
def test_labels_are_soft_maps_cut_at_one_half(model, clip, size):
    labels, soft = (
        model(size, output=output).predict(clip(5), prompt=Prompt(MASK))
        for output in ("label", "soft")
    )
    assert np.array_equal(labels, soft > 0.5)
    assert soft[1:].std() > 0


@pytest.mark.parametrize("batch_frames", [1, 3])
def test_a_session_predicts_frame_by_frame_what_a_clip_is_predicted_as(model, clip, batch_frames):
    built, frames = model(batch_frames=4), clip(8)
    whole = built.predict(frames, prompt=Prompt(MASK, 1))
    session = built.session(40, 56, prompt=Prompt(MASK, 1, n_frames=8), batch_frames=batch_frames)
    predictions = []
    for number, frame in enumerate(frames):
        predictions += session.push(frame)
        assert batch_frames > 1 or len(predictions) == number + 1
    predictions += session.flush()
    np.testing.assert_allclose(np.stack([each.map for each in predictions]), whole, atol=1e-4)


def test_later_frames_do_not_change_earlier_maps(model, clip):
    built, frames = model(batch_frames=1), clip(8)
    whole, part = (built.predict(each, prompt=Prompt(MASK)) for each in (frames, frames[:5]))
    assert np.array_equal(whole[:5], part)


def test_a_plume_of_one_pixel_is_propagated_and_an_empty_mask_is_not(model, clip):
    built, tiny = model((16, 16)), np.zeros_like(MASK)
    assert not built.predict(clip(4), prompt=Prompt(tiny)).any()
    tiny[3, 4] = 1
    maps = built.predict(clip(4), prompt=Prompt(tiny))
    assert np.array_equal(maps[0], tiny)
    assert (maps[1:] > 0).all()


@pytest.mark.parametrize("first_frame", [0, 4])
def test_a_clip_may_end_with_the_prompted_frame(model, clip, first_frame):
    maps = model().predict(clip(5)[: first_frame + 1], prompt=Prompt(MASK, first_frame))
    assert np.array_equal(maps[-1], MASK)
    assert not maps[:-1].any()


def test_the_mask_is_asked_for(model, clip):
    built = model()
    assert built.prompt_kind == "first_mask"
    with pytest.raises(UserError, match="first_mask"):
        built.predict(clip(3))
