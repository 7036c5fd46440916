import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch.nn import functional

from fgstp.models.blocks.frames import network_input, normalised, probabilities
from fgstp.models.blocks.losses import structure_loss
from fgstp.models.sampling import Batch, Windows
from fgstp.models.sinet_v2 import SinetV2, SinetV2Model, SinetV2Settings, with_differences

ENCODERS = ["pvt_v2_b0", "res2net50d"]


@pytest.fixture
def model(randomised):
    """Every part has a say in what it predicts."""

    def build(encoder="pvt_v2_b0", **settings):
        settings = {"height_px": 64, "width_px": 64, "batch_frames": 3} | settings
        built = SinetV2Model(SinetV2Settings(encoder={"name": encoder}, **settings))
        with torch.no_grad():
            randomised(built.network)
        return built

    return build


def batch_of(draw, n_windows=2, n_targets=2):
    triples = torch.arange(n_targets).view(1, -1, 1).expand(n_windows, -1, -1)
    masks = (draw(n_windows, n_targets, 1, 64, 64) > 0).float()
    return Batch(draw(n_windows, n_targets, 1, 64, 64), masks, triples)


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
    model = model(batch_frames=batch_frames)
    seen = []
    model.network.encoder.register_forward_pre_hook(lambda _, x: seen.append(len(x[0])))
    maps = model.predict(clip())
    assert maps.dtype == np.float32
    assert seen == {1: [1] * 7, 3: [3, 3, 1], 16: [7]}[batch_frames]
    expected = []
    with torch.inference_mode():
        for frame in clip():
            settings = model.settings.normalisation
            x = network_input(torch.from_numpy(frame[None]), 64, 64, settings)
            expected.append(probabilities(model.network.eval()(x)[3], 40, 56)[0].numpy())
    np.testing.assert_allclose(maps, expected, atol=1e-4)
    assert np.ptp(maps) > 0.1


@pytest.mark.parametrize("bce", ["weighted", "mean"])
def test_a_training_step_is_the_sum_of_four_structure_losses(model, draw, bce):
    model, batch = model(loss={"bce": bce}), batch_of(draw)
    loss, parts = model.training_step(batch, 0.0)
    frames = normalised(batch.frames.reshape(4, 1, 64, 64), model.settings.normalisation)
    terms = [structure_loss(m, batch.masks.view(4, 1, 64, 64), bce) for m in model.network(frames)]
    torch.testing.assert_close(parts["bce"], sum(t.bce for t in terms).detach())
    torch.testing.assert_close(parts["iou"], sum(t.iou for t in terms).detach())
    torch.testing.assert_close(loss, sum(t.bce + t.iou for t in terms))
    assert not any(part.requires_grad for part in parts.values())


def test_the_two_cross_entropies_differ(model, draw):
    batch = batch_of(draw)
    one, other = (
        model(loss={"bce": bce}).training_step(batch, 0.0)[1]["bce"] for bce in ("weighted", "mean")
    )
    assert (one - other).abs() > 1e-4


@pytest.mark.parametrize("encoder", ENCODERS)
def test_every_parameter_gets_a_gradient(draw, encoder):
    settings = SinetV2Settings(encoder={"name": encoder}, height_px=64, width_px=64)
    model = SinetV2Model(settings)
    model.training_step(batch_of(draw), 0.0)[0].backward()
    assert [n for n, p in model.network.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize(
    "encoder", ["pvt_v2_b0", pytest.param("res2net50d", marks=pytest.mark.slow)]
)
def test_the_network_learns_a_blob_from_a_few_steps(draw, encoder):
    torch.manual_seed(0)
    model = SinetV2Model(SinetV2Settings(encoder={"name": encoder}, height_px=64, width_px=64))
    frames, masks = 0.5 + 0.02 * draw(4, 1, 1, 64, 64), torch.zeros(4, 1, 1, 64, 64)
    for number in range(4):
        place = slice(8 * number + 4, 8 * number + 28)
        frames[number, :, :, place, 16:40] += 0.45
        masks[number, :, :, place, 16:40] = 1
    batch = Batch(frames, masks, torch.zeros(4, 1, 1, dtype=torch.int64))
    optimiser = torch.optim.Adam(model.network.parameters(), lr=1e-3)
    losses = []
    for _ in range(15):
        optimiser.zero_grad()
        loss, _ = model.training_step(batch, 0.0)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]


def test_it_is_trained_on_single_frames_at_the_papers_size_by_default():
    with torch.device("meta"):
        model = SinetV2Model(SinetV2Settings())
    assert (model.name, model.prompt_kind, model.n_stages) == ("sinet_v2", "none", 1)
    assert (model.sampling, model.sample_size) == (Windows(n_targets=1), (352, 352))
    settings = model.settings
    assert (settings.encoder.name, settings.loss.bce) == ("res2net50d", "weighted")
    assert hasattr(model.network, model.encoders[0])


def test_with_differences_neighbours_count_and_without_they_do_not(model, clip):
    frames = clip()
    changed = frames.copy()
    changed[3] = 255 - changed[3]
    for mode, seen in [(None, {3}), ("centred", {2, 3, 4}), ("causal", {3, 4, 5})]:
        one = model(differences=mode)
        differ = np.abs(one.predict(frames) - one.predict(changed)).max((1, 2)) > 1e-5
        assert set(np.flatnonzero(differ)) == seen
        assert one.label == ("with differences" if mode else "")


def test_it_trains_on_what_it_predicts_from_with_differences(model, draw):
    model = model(differences="centred")
    assert model.sampling == Windows((-1, 1), n_targets=1)
    triples = torch.tensor([[[1, 0, 2]]]).expand(2, 1, 3)
    batch = Batch(draw(2, 3, 1, 64, 64), torch.ones(2, 1, 1, 64, 64), triples)
    settings = model.settings
    numbers = torch.tensor([[1, 0, 2], [4, 3, 5]])
    shown = with_differences(batch.frames.flatten(0, 1), numbers, settings)
    terms = [structure_loss(m, torch.ones(2, 1, 64, 64), "weighted") for m in model.network(shown)]
    loss, _ = model.training_step(batch, 0.0)
    torch.testing.assert_close(loss, sum(t.bce + t.iou for t in terms))


@pytest.mark.parametrize("wrong", [{"loss": {"bce": "median"}}, {"unknown": 1}, {"height_px": 0}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValidationError):
        SinetV2Settings.model_validate(wrong)
