"""WISP as a model: streaming, sequences, and its loss worked by hand."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from fgstp.core.errors import UserError
from fgstp.footage.video_store import VideoStore
from fgstp.models.blocks.statistics import InnovationStatistics
from fgstp.models.registry import create_model
from fgstp.models.sampling import SampleKey
from fgstp.models.wisp.augmentation import (
    SequenceAugmentationSettings,
    augmented_sequence,
    enhanced,
    hazy,
)
from fgstp.models.wisp.network import WispNetwork, wisp_loss
from fgstp.models.wisp.sequences import Sequences, SequenceSettings, on_grid

SMALL = {"height_px": 24, "width_px": 32, "width": 4}


@pytest.fixture
def model():
    torch.manual_seed(1)
    return create_model("wisp", SMALL)


@pytest.fixture
def frames():
    return np.random.default_rng(1).integers(0, 256, (20, 48, 64)).astype(np.uint8)


@pytest.mark.parametrize("batch_frames", [1, 3, 50])
def test_a_session_gives_what_predict_gives(model, frames, batch_frames):
    session = model.session(48, 64, 15.0, batch_frames=batch_frames)
    found = [each for frame in frames for each in session.push(frame)] + session.flush()
    assert [each.frame for each in found] == list(range(20))
    maps = np.stack([each.map for each in found])
    np.testing.assert_allclose(maps, model.predict(frames), atol=1e-5)


def test_it_is_causal(model, frames):
    whole = model.predict(frames)
    np.testing.assert_allclose(whole[:12], model.predict(frames[:12]), atol=1e-5)


@pytest.mark.parametrize("batch_frames", [1, 4])
def test_context_is_seen_but_not_predicted(model, frames, batch_frames):
    session = model.session(48, 64, 15.0, batch_frames=batch_frames)
    wanted = {7, 8, 15, 16, 19}
    found = [
        each
        for number, frame in enumerate(frames)
        for each in session.push(frame, is_wanted=number in wanted)
    ]
    found += session.flush()
    assert {each.frame for each in found} == wanted
    whole = model.predict(frames)
    for each in found:
        np.testing.assert_allclose(each.map, whole[each.frame], atol=1e-5)
        assert each.time_s == pytest.approx(each.frame / 15)
    np.testing.assert_allclose(model.predict(frames, n_context=15), whole[15:], atol=1e-5)


@pytest.mark.parametrize("size", [(24, 32), (17, 23), (120, 160)])
def test_the_network_takes_any_size(size):
    assert WispNetwork(10, 4)(torch.zeros(2, 10, *size)).shape == (2, 1, *size)


def test_the_loss_is_that_of_its_equations():
    logits = torch.tensor([[[[2.0, -1.0], [0.5, -3.0]]], [[[1.0, -2.0], [0.0, -1.0]]]])
    masks = torch.tensor([[[[1.0, 0.0], [-1.0, 0.0]]], [[[0.0, 0.0], [0.0, 0.0]]]])
    found = wisp_loss(logits, masks, gas_weight=2.0, frame_weight=0.5, top_fraction=0.25)

    def p(x):
        return 1 / (1 + math.exp(-x))

    entropy = -2 * math.log(p(2)) - sum(math.log(1 - p(x)) for x in (-1, -3, 1, -2, 0, -1))
    assert found["bce"].item() == pytest.approx(entropy / 7)
    sums = p(2), p(2) + p(-1) + p(-3) + 1
    assert found["dice"].item() == pytest.approx(1 - (2 * sums[0] + 1) / (sums[1] + 1))
    # The highest pixel of each; the first frame holds gas, the second none.
    frame = -(math.log(p(2)) + math.log(1 - p(1))) / 2
    assert found["frame"].item() == pytest.approx(0.5 * frame)


def test_void_alone_tells_nothing_of_its_frame():
    masks = torch.tensor([[[[0.0, -1.0], [0.0, 0.0]]]])
    logits = torch.zeros(1, 1, 2, 2, requires_grad=True)
    found = wisp_loss(logits, masks, gas_weight=2.0, frame_weight=0.5, top_fraction=0.25)
    assert found["frame"].item() == found["dice"].item() == 0.0
    found["bce"].backward()
    assert logits.grad[0, 0, 0, 1] == 0 != logits.grad[0, 0, 0, 0]


def test_a_cell_is_gas_by_its_share_and_void_if_it_touches_void():
    labels = np.zeros((4, 4), np.uint8)
    labels[0, :3], labels[3, 3] = 1, 255
    np.testing.assert_allclose(on_grid(labels, (2, 2)), [[[0.5, 0.25], [0, -1]]])


@pytest.fixture
def store(tmp_path):
    """A video of 60 frames at 10 Hz; every frame has its number in its pixels."""
    store = VideoStore(tmp_path)
    frames = np.broadcast_to(np.arange(60, dtype=np.uint8)[:, None, None], (60, 48, 64))
    with store.writing("V") as writer:
        writer.append(
            frames,
            np.arange(60) / 10,
            annotated=np.arange(60),
            masks=(frames > 40).astype(np.uint8),
            leak_class=None,
        )
    return store


PLAIN = SequenceAugmentationSettings(enabled=False)


@pytest.mark.parametrize("seed", range(5))
def test_a_sequence_leads_to_its_targets_from_before_the_clip(store, seed):
    sampling = Sequences((24, 32), SequenceSettings(n_frames=30, n_targets=3), PLAIN)
    clip = store.clip("V", 30, 20)
    batch = sampling.sample(clip, SampleKey(0, range(10, 13), (seed, 0, 1)), None)
    assert batch.frames.shape == (3, 10, 24, 32)
    assert batch.masks.shape == (3, 1, 24, 32)
    again = sampling.sample(clip, SampleKey(0, range(10, 13), (seed, 0, 1)), None)
    assert torch.equal(batch.frames, again.frames)


def test_without_augmentation_the_channels_are_those_of_the_statistics(store):
    settings = SequenceSettings(n_frames=30, n_targets=1, slowest_hz=10)
    clip = store.clip("V", 30, 20)
    batch = Sequences((24, 32), settings, PLAIN).sample(
        clip, SampleKey(0, range(19, 20), (1, 0, 1)), None
    )
    statistics = InnovationStatistics(24, 32)
    every = [
        statistics.update(frame, time_s)
        for frame, time_s in zip(clip.video_frames[20:50], np.arange(20, 50) / 10, strict=True)
    ]
    # The only target is one of those frames of the clip.
    assert any(np.allclose(batch.frames[0], each, atol=1e-5) for each in every[10:])


def test_frames_of_a_sequence_are_changed_alike(frames):
    settings = SequenceAugmentationSettings(
        **dict.fromkeys(("haze_fraction", "noise_fraction", "shake_fraction", "codec_fraction"), 0),
        mirror_fraction=1,
        zoom=(1, 1),
    )
    still = np.repeat(frames[:1], 5, axis=0)
    labels = (still[:1] > 128).astype(np.uint8)
    moved, turned = augmented_sequence(still, labels, settings, np.random.default_rng(3))
    assert (moved == moved[0]).all()
    np.testing.assert_array_equal(turned, labels[..., ::-1])


@pytest.mark.parametrize(("strength", "sigma_px"), [(0.2, 8.0), (0.7, 20.0), (1.0, 30.0)])
def test_enhancement_draws_the_halo_of_its_equation(strength, sigma_px):
    frame = np.full((96, 128), 110, np.uint8)
    frame[40:56, 50:80] = 250
    blurred = gaussian_filter(frame.astype(float), sigma_px, mode="mirror")
    expected = np.clip(frame + strength * (frame - blurred), 0, 255)
    found = enhanced(np.stack([frame, np.full_like(frame, 30)]), strength, sigma_px)
    assert np.abs(found[0] - expected).max() < 6  # the blur is computed on a coarser grid
    assert np.abs(found[0] - expected).mean() < 1
    assert found[0, 48, 44] < 110 < found[0, 48, 60]
    assert (found[1] == 30).all()


@pytest.mark.parametrize("sigma_px", [3.0, 9.0])
def test_haze_has_its_size_in_space_in_time_and_in_levels(sigma_px):
    frames = np.full((300, 90, 120), 100, np.uint8)
    found = hazy(frames, 5.0, sigma_px, 10.0, np.random.default_rng(3)) - 100.0
    assert found.mean() == pytest.approx(0, abs=0.6)
    assert found.std() == pytest.approx(5, rel=0.1)

    def correlation(one, other):
        return np.mean(one * other) / found.var()

    # Blurred twice over, white noise has the autocorrelation exp(-d^2 / 4 sigma^2).
    shift = int(sigma_px)
    expected = np.exp(-((shift / sigma_px) ** 2) / 4)
    assert correlation(found[..., shift:], found[..., :-shift]) == pytest.approx(expected, abs=0.06)
    assert correlation(found[5:], found[:-5]) == pytest.approx(np.exp(-0.5), abs=0.06)
    assert correlation(found[60:], found[:-60]) == pytest.approx(0, abs=0.15)


def test_what_lies_outside_of_the_frame_has_no_label():
    settings = SequenceAugmentationSettings(zoom=(0.5, 0.5), mirror_fraction=0)
    frames, labels = np.full((3, 48, 64), 90, np.uint8), np.ones((1, 48, 64), np.uint8)
    _, turned = augmented_sequence(frames, labels, settings, np.random.default_rng(4))
    assert (turned == 1).mean() == pytest.approx(0.25, abs=0.03)
    assert (turned == 255).mean() == pytest.approx(0.75, abs=0.03)


def test_an_encoder_keeps_number_order_and_size_and_loses_something():
    settings = SequenceAugmentationSettings(
        **{"noise_fraction": 0, "shake_fraction": 0, "codec_fraction": 1, "invert_fraction": 0},
        **{"gain": (1, 1), "gamma": (1, 1), "zoom": (1, 1), "mirror_fraction": 0},
        enhance_fraction=0,
        haze_fraction=0,
    )
    ramp = np.linspace(40, 200, 30)[:, None, None] + np.linspace(-20, 20, 65)[None, None, :]
    frames = np.rint(np.broadcast_to(ramp, (30, 49, 65))).astype(np.uint8)
    changed = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        found, _ = augmented_sequence(frames, frames[:1] * 0, settings, rng)
        assert found.shape == frames.shape
        assert np.abs(found.astype(int) - frames).mean() < 6
        changed.append(not np.array_equal(found, frames))
    assert any(changed)


@pytest.mark.parametrize("n_context", [-1, 20])
def test_something_must_be_left_to_be_predicted(model, frames, n_context):
    with pytest.raises(UserError, match="choose 0 to 19"):
        model.predict(frames, n_context=n_context)


def test_few_annotated_frames_may_come_twice(tmp_path):
    store = VideoStore(tmp_path)
    frames = np.random.default_rng(1).integers(0, 256, (10, 48, 64)).astype(np.uint8)
    masks = np.zeros((2, 48, 64), np.uint8)
    with store.writing("V") as writer:
        numbers = np.array([7, 9])
        writer.append(frames, np.arange(10) / 10, annotated=numbers, masks=masks, leak_class=None)
    sampling = Sequences((24, 32), SequenceSettings(n_frames=8, n_targets=4), PLAIN)
    batch = sampling.sample(store.clip("V"), SampleKey(0, range(2), (1, 0, 1)), None)
    assert len(batch.frames) == len(batch.masks) == len(batch.targets) == 4
