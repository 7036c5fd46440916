import numpy as np
import pytest
import torch
from torch.nn import functional

from fgstp.models.blocks.frames import network_input, normalised, probabilities
from fgstp.models.blocks.losses import structure_loss
from fgstp.models.sampling import Batch, Windows
from fgstp.models.settings import NetworkSettings, NormalisationSettings
from fgstp.models.sinet_v2 import SinetV2, SinetV2Model, SinetV2Settings, with_differences

ENCODERS = ["pvt_v2_b0", "res2net50d"]


def build(encoder="pvt_v2_b0", **settings):
    settings = {"height_px": 64, "width_px": 64, "batch_frames": 3} | settings
    return SinetV2Model(SinetV2Settings(encoder={"name": encoder}, **settings))


@pytest.fixture
def model(randomised):
    """Every part has a say in what it predicts."""

    def randomise(**settings):
        built = build(**settings)
        with torch.no_grad():
            randomised(built.network)
        return built

    return randomise


@pytest.mark.parametrize("encoder", ENCODERS)
@torch.no_grad()
def test_features_go_straight_to_the_decoder_and_maps_to_the_frames_size(randomised, draw, encoder):
    network, frames = randomised(SinetV2(encoder)), draw(2, 3, 50, 70)
    maps = network(frames)
    padded = functional.pad(frames, (0, 26, 0, 14), mode="replicate")
    own = network.decoder(network.encoder(padded))
    assert [tuple(each.shape[-2:]) for each in own] == [(8, 12), (2, 3), (4, 6), (8, 12)]
    for ours, coarse in zip(maps, own, strict=True):
        large = functional.interpolate(coarse, size=(64, 96), mode="bilinear", align_corners=False)
        torch.testing.assert_close(ours, large[..., :50, :70])


@pytest.mark.parametrize("batch_frames", [1, 3, 16])
def test_a_clip_is_predicted_frame_by_frame(model, clip, batch_frames):
    model, seen = model(batch_frames=batch_frames), []
    model.network.encoder.register_forward_pre_hook(lambda _, x: seen.append(len(x[0])))
    maps = model.predict(clip())
    assert maps.dtype == np.float32
    assert seen == {1: [1] * 7, 3: [3, 3, 1], 16: [7]}[batch_frames]
    with torch.inference_mode():
        x = network_input(torch.from_numpy(clip()), 64, 64, model.settings.normalisation)
        each = [model.network.eval()(frame.unsqueeze(0))[3] for frame in x]
        expected = probabilities(torch.cat(each), 40, 56)
    np.testing.assert_allclose(maps, expected, atol=1e-4)
    assert np.ptp(maps) > 0.1


@pytest.mark.parametrize(
    ("bce", "differences"), [("weighted", None), ("mean", None), ("weighted", "centred")]
)
def test_a_training_step_is_the_sum_of_four_structure_losses(model, draw, bce, differences):
    masks = (draw(2, 2, 1, 64, 64) > 0).float()
    if differences:
        targets, numbers = [[1, 0, 2], [2, 1, 2]], [[1, 0, 2], [2, 1, 2], [4, 3, 5], [5, 4, 5]]
        frames = draw(2, 3, 1, 64, 64)
    else:
        targets, numbers, frames = [[0], [1]], None, draw(2, 2, 1, 64, 64)
    batch = Batch(frames, masks, torch.tensor(targets).expand(2, -1, -1))
    model = model(loss={"bce": bce}, differences=differences)
    loss, parts = model.training_step(batch, 0.0)
    if differences:
        shown = with_differences(frames.flatten(0, 1), torch.tensor(numbers), model.settings)
    else:
        shown = normalised(frames.flatten(0, 1), model.settings.normalisation)
    terms = [structure_loss(m, masks.flatten(0, 1), bce) for m in model.network(shown)]
    torch.testing.assert_close(parts["bce"], sum(t.bce for t in terms).detach())
    torch.testing.assert_close(parts["iou"], sum(t.iou for t in terms).detach())
    torch.testing.assert_close(loss, sum(t.bce + t.iou for t in terms))


@pytest.mark.parametrize("encoder", ENCODERS)
def test_the_network_learns_a_blob_from_a_few_steps(blobs, learned, encoder):
    torch.manual_seed(0)
    batch = Batch(*blobs(4), torch.zeros(4, 1, 1, dtype=torch.int64))
    first, last = learned(build(encoder), batch, 7)
    assert last < 0.8 * first


def test_it_is_trained_on_single_frames_at_the_papers_size_by_default():
    with torch.device("meta"):
        model = SinetV2Model(SinetV2Settings())
    assert (model.sampling, model.sample_size) == (Windows(n_targets=1), (352, 352))
    assert hasattr(model.network, model.encoders[0])


# -------------------------------------------------------------------- differences


def test_channels_are_the_frame_and_its_two_differences():
    normalisation = NormalisationSettings(mean=(0.2,) * 3, std=(0.1,) * 3)
    settings = NetworkSettings(height_px=8, width_px=8, normalisation=normalisation)
    grey = torch.tensor([0.5, 0.2, 0.6]).view(3, 1, 1, 1).expand(3, 1, 8, 8)
    [shown] = with_differences(grey, torch.tensor([[0, 1, 2]]), settings)
    # (0.5 - 0.2) / 0.1, (0.5 - 0.2) * 30, (0.5 - 0.6) * 30
    torch.testing.assert_close(shown.mean((1, 2)), torch.tensor([3.0, 9.0, -3.0]))


def test_with_differences_neighbours_count_and_without_they_do_not(model, clip):
    frames = clip()
    changed = frames.copy()
    changed[3] = 255 - changed[3]
    for mode, seen in [(None, {3}), ("centred", {2, 3, 4}), ("causal", {3, 4, 5})]:
        one = model(differences=mode)
        differ = np.abs(one.predict(frames) - one.predict(changed)).max((1, 2)) > 1e-5
        assert set(np.flatnonzero(differ)) == seen
        assert one.label == ("with differences" if mode else "")
        offsets = {None: (), "centred": (-1, 1), "causal": (-1, -2)}[mode]
        assert one.sampling == Windows(offsets, n_targets=1)
