import numpy as np
import pytest
import torch
from torch import nn

from fgstp.models.sampling import Batch
from fgstp.models.zoomnext.model import ZoomNextModel, ZoomNextSettings
from fgstp.models.zoomnext.network import ZoomNext


@pytest.fixture
def build():
    """A small model, its weights drawn from a seed."""

    def built(**settings):
        torch.manual_seed(0)
        small = {"encoder": {"name": "pvt_v2_b0"}, "width": 16, "height_px": 64, "width_px": 64}
        return ZoomNextModel(ZoomNextSettings.model_validate(small | settings))

    return built


class Spy(nn.Module):
    """Says of every frame how bright its zooms are, and at what place of its window it is."""

    def __init__(self, n_frames):
        super().__init__()
        self.n_frames, self.calls = n_frames, []

    def forward(self, image_s, image_m, image_l):
        self.calls.append([image_s, image_m, image_l])
        places = torch.arange(len(image_m)) % self.n_frames
        return places.float().view(-1, 1, 1, 1).expand(-1, 1, *image_m.shape[-2:])


@pytest.mark.parametrize("batch_frames", [1, 10])
def test_the_earlier_of_two_windows_counts(build, batch_frames):
    model = build(n_frames=5, batch_frames=batch_frames)
    model.network = Spy(5)
    maps = model.predict(np.zeros((12, 8, 9), np.uint8))
    # The last window begins at frame 7, but frames 7 to 9 keep their maps.
    places = np.log(maps / (1 - maps))[:, 0, 0].round(3).tolist()
    assert places == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 3, 4]
    sizes = [len(call[0]) for call in model.network.calls]
    assert sizes == {1: [5, 5, 5], 10: [10, 5]}[batch_frames]


def test_a_clip_shorter_than_a_window_repeats_its_last_frame(build, clip):
    model = build(n_frames=5)
    model.network = Spy(5)
    model.predict(clip(3))
    (call,) = model.network.calls
    for zoom in call:
        assert torch.equal(zoom[[3, 4]], zoom[[2, 2]])
        assert not torch.equal(zoom[1], zoom[2])


def test_the_network_sees_three_zooms_of_equal_channels_in_the_unit_range(build):
    model = build(n_frames=1, height_px=67, width_px=101)
    model.network = Spy(1)
    model.predict(np.arange(0, 240, 4, dtype=np.uint8).reshape(1, 6, 10))
    (call,) = model.network.calls
    assert [tuple(zoom.shape) for zoom in call] == [
        (1, 3, 33, 50),
        (1, 3, 67, 101),
        (1, 3, 100, 151),
    ]
    for zoom in call:
        assert torch.equal(zoom[:, 0], zoom[:, 2])
        assert zoom.min() >= 0
        assert 0.8 < zoom.max() <= 236 / 255 + 1e-6  # brightest in the last corner, as was given
        assert zoom[0, 0, -1, -1] == pytest.approx(zoom.max().item())
        assert zoom.mean() == pytest.approx(118 / 255, abs=5e-3)


@pytest.fixture
def windows(blobs):
    def make(model, n_windows):
        n_frames = model.settings.n_frames
        numbers = torch.arange(n_frames).view(1, -1, 1).expand(n_windows, -1, 1)
        return Batch(*blobs(n_windows, n_frames, model.sample_size), numbers)

    return make


@pytest.mark.parametrize(("n_frames", "n_windows"), [(2, 1), (1, 2)])
def test_the_loss_falls(build, learned, windows, n_frames, n_windows):
    model = build(n_frames=n_frames)
    first, last = learned(model, windows(model, n_windows), 10, rate=1e-2)
    assert last < 0.8 * first


def test_masks_are_made_as_large_as_the_middle_zoom(build, windows, monkeypatch):
    model = build(n_frames=2)
    seen = []

    def keep(logits, masks, progress):
        seen.extend([logits.shape, masks, progress])
        return logits.mean(), logits.mean()

    monkeypatch.setattr("fgstp.models.zoomnext.model.zoomnext_loss", keep)
    batch = windows(model, 1)
    model.training_step(batch, 0.25)
    shape, masks, progress = seen
    assert progress == 0.25
    assert shape == masks.shape == (2, 1, 64, 64)
    # 96 px became 64: the mean stays, and the middle of the square is at two thirds.
    assert masks.mean() == pytest.approx(batch.masks.mean().item(), abs=2e-3)
    assert masks[0, 0, 10, 18] == 1
    assert masks[0, 0, 10, 32] == 0


def test_samples_are_windows_of_the_large_zoom(build):
    model = build(n_frames=3, height_px=97, width_px=128)
    assert model.sample_size == (145, 192)
    assert model.sampling.n_targets == 3
    assert model.sampling.offsets_frames == ()
    assert model.prompt_kind == "none"
    assert model.name == "zoomnext"


def test_the_network_is_built_as_the_settings_say(build):
    model = build(
        n_frames=3,
        normalisation={"mean": (0.1, 0.2, 0.3), "std": (0.4, 0.5, 0.6)},
        checkpoint_encoder=True,
        encoder={"name": "pvt_v2_b1", "stem_contrast_gain": 2.0},
    )
    network = model.network
    assert isinstance(network, ZoomNext)
    assert network.mean.flatten().tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert network.std.flatten().tolist() == pytest.approx([0.4, 0.5, 0.6])
    assert network.encoder.stages_1.grad_checkpointing
    assert network.rgpu[0].operator.n_frames == 3
    assert network.encoder.feature_info.channels() == [64, 128, 320, 512]
    kernels = network.encoder.patch_embed.proj.weight
    assert kernels.mean((1, 2, 3)).abs().max() < 1e-6  # begun without level
    prefixes = {name.split(".")[0] for name, _ in network.named_parameters()}
    assert prefixes == {"encoder", "reduce", "siu", "rgpu", "smooth", "predictor"}
    assert model.encoders == ("encoder",)
