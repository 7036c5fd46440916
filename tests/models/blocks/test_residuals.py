"""Residuals as the input of published networks."""

import numpy as np
import pytest
import torch

from fgstp.core.errors import UserError
from fgstp.footage.video_store import VideoStore
from fgstp.models.blocks.statistics import CHANNELS, RESIDUALS, InnovationStatistics
from fgstp.models.registry import create_model
from fgstp.models.sampling import SampleKey

SMALL = {
    **{"height_px": 32, "width_px": 32, "encoder": {"name": "pvt_v2_b0"}},
    "input": "residuals",
}
NAMES = ("fgstp", "fgstp_no_ctc", "slt_net", "sinet_v2")


@pytest.fixture
def frames():
    return np.random.default_rng(1).integers(60, 90, (20, 32, 32)).astype(np.uint8)


@pytest.fixture
def model():
    def make(name):
        torch.manual_seed(1)
        return create_model(name, SMALL)

    return make


def residuals(frames):
    """By the statistics alone: (T, 3, 32, 32)."""
    statistics = InnovationStatistics(32, 32)
    numbers = [CHANNELS.index(name) for name in RESIDUALS]
    return np.stack([statistics.update(each, n / 15)[numbers] for n, each in enumerate(frames)])


@pytest.mark.parametrize("name", NAMES)
def test_a_session_gives_what_predict_gives_and_knows_the_past(name, model, frames):
    made = model(name)
    whole = made.predict(frames)
    session = made.session(32, 32, batch_frames=3)
    found = [each for frame in frames for each in session.push(frame)] + session.flush()
    np.testing.assert_allclose(np.stack([each.map for each in found]), whole, atol=1e-5)
    assert not np.allclose(made.predict(frames[10:]), whole[10:], atol=1e-5)
    np.testing.assert_allclose(made.predict(frames, n_context=10), whole[10:], atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_residuals_do_not_change_with_a_step_of_the_level(name, model, frames):
    made = model(name)
    stepped = np.concatenate([frames[:10], frames[10:] + 40])
    np.testing.assert_allclose(made.predict(stepped), made.predict(frames), atol=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_training_sees_the_residuals_that_a_session_sees(name, model, frames, tmp_path):
    store = VideoStore(tmp_path)
    with store.writing("V") as writer:
        numbers = np.arange(20)
        masks = np.zeros_like(frames)
        writer.append(frames, numbers / 15, annotated=numbers, masks=masks, leak_class=None)

    def prepare(frames, labels, rng):
        shown = torch.from_numpy(np.array(frames)).unsqueeze(1) / 255.0
        return shown, torch.from_numpy(np.array(labels)).unsqueeze(1).float()

    sampling = model(name).sampling
    clip = store.clip("V", 8, 10)
    batch = sampling.sample(clip, SampleKey(0, range(4, 5), (1, 0, 1)), prepare)
    target = batch.frames[batch.targets[0, 0]]
    torch.testing.assert_close(target, torch.from_numpy(residuals(frames)[12]), atol=1e-3, rtol=0)
    offsets = model(name).offsets_frames
    for place, offset in enumerate(offsets, start=1):
        near = batch.frames[batch.targets[0, place]]
        expected = torch.from_numpy(residuals(frames)[12 + offset])
        torch.testing.assert_close(near, expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("name", "more"), [("slt_net", {"long_term": True}), ("sinet_v2", {"differences": "centred"})]
)
def test_what_needs_frames_is_refused(name, more):
    with pytest.raises(UserError, match="leave"):
        create_model(name, SMALL | more)


def test_tables_tell_the_input(model):
    labels = {name: model(name).label for name in NAMES}
    assert all("on residuals" in label for label in labels.values())
