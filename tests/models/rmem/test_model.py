import numpy as np
import pytest
import torch

from fgstp.core.errors import UserError
from fgstp.models.resnet import ResNetSettings
from fgstp.models.rmem.network import Rmem
from fgstp.models.rmem.session import label_probabilities
from fgstp.models.session import Prompt


@pytest.fixture
def mask():
    first = np.zeros((40, 56), np.uint8)
    first[10:24, 8:22] = 1
    return first


def test_maps_lie_in_the_clips_own_size_and_start_with_the_given_mask(small_rmem, clip, mask):
    model, frames = small_rmem(output="soft"), clip(9)
    maps = model.predict_clip(frames, mask, first_frame=2)
    assert maps.shape == frames.shape
    assert maps.dtype == np.float32
    assert not maps[:2].any()
    assert np.array_equal(maps[2], mask)
    assert ((maps >= 0) & (maps <= 1)).all()
    assert maps[3:].std() > 0.01
    # Frames before the given one do not count.
    assert np.array_equal(maps[2:], model.predict_clip(frames[2:], mask))


def test_labels_are_soft_maps_cut_at_one_half(small_rmem, clip, mask):
    frames = clip(6)
    labels = small_rmem().predict_clip(frames, mask)
    soft = small_rmem(output="soft").predict_clip(frames, mask)
    assert set(np.unique(labels)) == {0.0, 1.0}
    assert np.array_equal(labels, soft > 0.5)
    assert 0 < labels[1:].mean() < 1


def test_the_given_mask_decides_what_is_found(small_rmem, clip, mask):
    model, frames = small_rmem(output="soft"), clip(5)
    one, two = (model.predict_clip(frames, each)[-1] for each in (mask, 1 - mask))
    assert np.abs(one - two).max() > 1e-3


def test_without_gas_in_the_given_mask_nothing_is_found(small_rmem, clip, mask):
    assert not small_rmem(output="soft").predict_clip(clip(4), np.zeros_like(mask)).any()


def test_a_plume_of_one_pixel_is_followed(small_rmem, clip, mask):
    frames, tiny = clip(4), np.zeros_like(mask)
    tiny[3, 4] = 1
    maps = small_rmem(output="soft", size=(16, 16)).predict_clip(frames, tiny)
    assert np.array_equal(maps[0], tiny)
    assert (maps[1:] > 0).all()


def test_the_mask_is_asked_for(small_rmem, clip):
    model = small_rmem()
    assert model.needs == "first_mask"
    with pytest.raises(UserError, match="rmem is given the mask of one frame"):
        model.predict_clip(clip(3))


def test_later_frames_do_not_change_earlier_maps(small_rmem, clip, mask):
    model = small_rmem(output="soft", memory={"write_every_frames": 2})
    frames = clip(8)
    whole, part = (model.predict_clip(each, mask) for each in (frames, frames[:5]))
    np.testing.assert_allclose(whole[:5], part, atol=1e-5)


def test_frames_may_be_encoded_together_or_alone(small_rmem, clip, mask):
    alone, together = (
        small_rmem(output="soft", batch_frames=n).predict_clip(clip(7), mask) for n in (1, 4)
    )
    np.testing.assert_allclose(alone, together, atol=1e-4)


def test_nothing_stays_of_a_clip(small_rmem, clip, mask):
    model = small_rmem(output="soft")
    weights = {name: tensor.clone() for name, tensor in model.network.state_dict().items()}
    before = model.predict_clip(clip(6), mask)
    model.predict_clip(clip(6, seed=5), 1 - mask)
    assert np.array_equal(before, model.predict_clip(clip(6), mask))
    after = model.network.state_dict()
    assert all(torch.equal(after[name], weights[name]) for name in weights)
    assert after.keys() == weights.keys()


@pytest.mark.parametrize("size", [(33, 49), (50, 70), (16, 16)])
def test_the_network_works_at_any_size(small_rmem, clip, mask, size):
    maps = small_rmem(output="soft", size=size).predict_clip(clip(3), mask)
    assert np.isfinite(maps).all()
    assert maps[1:].std() > 0


def session_of(model, frames, labels, n_labels=2):
    session = model.session(32, 32, prompt=Prompt(labels.numpy()))
    session.n_labels = n_labels
    session.start(model.network.encode(frames[:1]), labels)
    return session


ALL = torch.ones(32, 32).bool()


@torch.inference_mode()
def test_frames_are_written_at_their_distance_and_the_bank_stays_small(small_rmem, draw):
    model = small_rmem(size=(32, 32), memory={"bank_frames": 2, "write_every_frames": 3})
    frames, labels = draw(14, 3, 32, 32), draw(32, 32) > 0
    session = session_of(model, frames, labels)
    contents = []
    for frame in frames[1:]:
        session.write(session.propagate(model.network.encode(frame.unsqueeze(0))), labels)
        contents.append(session.bank.frames.copy())
        assert len(session.bank.entries) == len(contents[-1])
    assert contents[:8] == [[0]] * 2 + [[0, 3]] * 3 + [[0, 3, 6]] * 3
    assert len(contents[8]) == 3
    assert contents[-1][-1] == 12


@torch.inference_mode()
def test_every_frame_is_remembered_for_the_next(small_rmem, draw):
    model, frames = small_rmem(size=(32, 32)), draw(3, 3, 32, 32)
    encoded = [model.network.encode(frame.unsqueeze(0)) for frame in frames]
    results = []
    for written in (torch.zeros, torch.ones):
        session = session_of(model, frames, ALL)
        session.write(session.propagate(encoded[1]), written(32, 32))
        assert session.bank.frames == [0]
        results.append(session.propagate(encoded[2]).logits)
    assert (results[0] - results[1]).abs().max() > 1e-4


@torch.inference_mode()
def test_identities_beyond_the_objects_are_left_out(small_rmem, draw):
    model, frames = small_rmem(size=(32, 32)), draw(2, 3, 32, 32)
    few, many = (
        session_of(model, frames, ALL, n).propagate(model.network.encode(frames[1:]))
        for n in (2, 11)
    )
    assert torch.equal(few.logits, many.logits[:, :2])
    one = label_probabilities(few, (20, 24))
    assert one.shape == (2, 20, 24)
    torch.testing.assert_close(one.sum(0), torch.ones(20, 24))
    assert (label_probabilities(many, (20, 24))[:2] - one).abs().max() > 1e-3


@torch.inference_mode()
def test_the_distance_of_writes_follows_the_number_of_frames_after_the_prompt(small_rmem, draw):
    model, written = small_rmem(size=(32, 32)), {}
    for n_frames in (None, 150, 303):
        prompt = Prompt(np.ones((32, 32), np.uint8), 3, n_frames=n_frames)
        session = model.session(32, 32, prompt=prompt)
        encoded = model.network.encode(draw(1, 3, 32, 32))
        session.start(encoded, ALL)
        for _ in range(10):
            session.write(session.propagate(encoded), ALL)
        written[n_frames] = session.bank.frames
    assert written == {None: [0, 5, 10], 150: [0, 5, 10], 303: [0, 10]}


@pytest.mark.parametrize(("base", "published"), [("aotl", 15_227_595), ("deaotl", 19_889_518)])
def test_the_full_network_has_the_published_number_of_parameters(base, published):
    network = Rmem(ResNetSettings(), base)
    affine = 2 * sum(
        m.num_features for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)
    )
    assert affine == 30_592  # they count as buffers there
    unused = 3 * (256 * 256 + 256) if base == "aotl" else 0  # linear_KMem, which we do without
    size = sum(parameter.numel() for parameter in network.parameters())
    assert size - affine + unused == published
