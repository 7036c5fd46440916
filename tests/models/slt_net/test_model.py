import numpy as np
import pytest
import torch
from pydantic import ValidationError

from fgstp.models import checkpoint
from fgstp.models.blocks.frames import network_input, normalised, probabilities
from fgstp.models.blocks.losses import structure_loss
from fgstp.models.blocks.triple_network import neighbours
from fgstp.models.sampling import Batch, Windows
from fgstp.models.settings import NormalisationSettings
from fgstp.models.slt_net.model import SltNetModel, SltNetSettings
from fgstp.models.slt_net.network import alignment_loss, stretched

RAW = NormalisationSettings(mean=(0, 0, 0), std=(1, 1, 1))
LONG = {"height_px": 32, "width_px": 64, "n_frames": 3}


def build(**settings):
    sizes = {"height_px": 64, "width_px": 64, "batch_frames": 3}
    return SltNetModel(SltNetSettings(encoder={"name": "pvt_v2_b0"}, **(sizes | settings)))


@pytest.fixture
def model(randomised):
    """Every part has a say in what it predicts."""

    def randomise(**settings):
        built = build(**settings)
        with torch.no_grad():
            randomised(built.network)
            built.triple_network.fusion[2].weight.mul_(0.2)
        return built

    return randomise


@pytest.fixture
def long_model(model):
    def begun(**settings):
        built = model(long_term=True, long=LONG, **settings)
        built.begin_stage(1)
        with torch.no_grad():
            # Probabilities spread over [0, 1], and depending on the other frames.
            built.network.long.decoder.coarse.head.weight.mul_(0.02)
            for attention in built.network.long.attend:
                attention.project.weight.mul_(6)
        return built

    return begun


def short_maps(model, frames):
    """Each triple by itself."""
    maps = []
    network = model.triple_network.eval()
    with torch.inference_mode():
        for i in range(len(frames)):
            numbers = [i, *neighbours(i, len(frames), model.settings.neighbours)]
            triple = network_input(
                torch.from_numpy(frames[numbers]), 64, 64, model.settings.normalisation
            )
            maps.append(probabilities(network(*triple.unsqueeze(1))[8], *frames.shape[1:])[0])
    return torch.stack(maps)


@pytest.mark.parametrize(
    ("mode", "variant", "batch_frames"),
    [("forward", "released", 3), ("centred", "paper", 16), ("causal", "released", 1)],
)
def test_the_short_network_predicts_what_three_encodings_a_frame_predict(
    model, clip, mode, variant, batch_frames
):
    model = model(neighbours=mode, variant=variant, batch_frames=batch_frames)
    maps = model.predict(clip())
    assert maps.dtype == np.float32
    assert np.ptp(maps) > 0.1
    np.testing.assert_allclose(maps, short_maps(model, clip()), atol=1e-4)


def test_a_short_training_step_is_the_sum_of_nine_losses(model, draw):
    model = model(loss={"bce": "mean"})
    frames, masks = draw(2, 3, 1, 64, 64), (draw(2, 1, 1, 64, 64) > 0).float()
    batch = Batch(frames, masks, torch.tensor([[[0, 1, 2]], [[1, 2, 0]]]))
    loss, parts = model.training_step(batch, 0.0)
    x = normalised(frames, model.settings.normalisation)
    first, second, third = ([x[0, i], x[1, j]] for i, j in ((0, 1), (1, 2), (2, 0)))
    outputs = model.network(*(torch.stack(each) for each in (first, second, third)))
    terms = [structure_loss(each, masks[:, 0], "mean") for each in outputs]
    torch.testing.assert_close(loss, sum(t.bce + t.iou for t in terms))
    torch.testing.assert_close(parts["iou"], sum(t.iou for t in terms).detach())


def blob(n_windows, n_frames, size=64):
    """Frames in which a bright blob moves, and masks of all of them."""
    generator = torch.Generator().manual_seed(1)
    frames = 0.5 + 0.02 * torch.randn(n_windows, n_frames, 1, size, size, generator=generator)
    masks = torch.zeros(n_windows, n_frames, 1, size, size)
    for window, frame in np.ndindex(n_windows, n_frames):
        place = slice(6 * window + 2 * frame, 6 * window + 2 * frame + 24)
        frames[window, frame, :, place, 16:40] += 0.45
        masks[window, frame, :, place, 16:40] = 1
    return frames, masks


def learn(model, batch, n_steps, rate=1e-3):
    weights = [p for p in model.network.parameters() if p.requires_grad]
    optimiser = torch.optim.Adam(weights, lr=rate)
    losses = []
    model.train()
    for _ in range(n_steps):
        optimiser.zero_grad()
        loss, _ = model.training_step(batch, 0.0)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


def test_the_short_network_learns_a_blob_from_a_few_steps():
    torch.manual_seed(0)
    frames, masks = blob(4, 3)
    triples = torch.tensor([[[0, 1, 2]]]).expand(4, -1, -1)
    losses = learn(build(), Batch(frames, masks[:, :1], triples), 15)
    assert losses[-1] < 0.6 * losses[0]


def long_batch(n_windows=2):
    """Windows of three targets and the two frames behind them, larger than they need be."""
    frames, masks = blob(n_windows, 5)
    triples = torch.tensor([[i, i + 1, i + 2] for i in range(3)]).expand(n_windows, -1, -1)
    return Batch(frames, masks[:, :3], triples)


def long_settings(**settings):
    own = {"height_px": 64, "width_px": 64, "n_frames": 3}
    return {"long_term": True, "long": own, "height_px": 96, **settings}


def test_the_long_network_learns_on_the_maps_of_the_frozen_short_one(model):
    torch.manual_seed(0)
    model = build(**long_settings())
    model.begin_stage(1)
    before = {name: t.clone() for name, t in model.network.short.state_dict().items()}
    losses = learn(model, long_batch(), 15)
    assert losses[-1] < 0.6 * losses[0]
    after = model.network.short.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert all(p.grad is None for p in model.network.short.parameters())
    assert all(p.grad is not None for p in model.network.long.parameters())


def test_a_long_training_step_is_the_sum_of_four_e_losses(model):
    model = model(**long_settings())
    model.begin_stage(1)
    model.network.eval()  # so that frames do not touch one another in the normalisation
    batch = long_batch()
    given = []
    model.network.long.register_forward_pre_hook(lambda _, x: given.append(x[0]))
    loss, parts = model.training_step(batch, 0.0)

    short = model.network.short
    large = torch.nn.functional.interpolate(
        batch.frames.flatten(0, 1), size=(96, 64), mode="bilinear", antialias=True
    )
    large = normalised(large, model.settings.normalisation).unflatten(0, (2, 5))
    with torch.no_grad():
        for window, i in np.ndindex(2, 3):
            logits = short(*(large[window, i + n].unsqueeze(0) for n in range(3)))[8]
            kept = stretched(probabilities(logits, 64, 64))[0] / 255
            assert kept.unique().numel() > 20
            clip = given[0][window, i]
            assert torch.equal(clip[:3], batch.frames[window, i].expand(3, -1, -1))
            # A map near the middle of two levels may fall to either.
            torch.testing.assert_close(clip[3], kept, atol=1.01 / 255, rtol=0)
    outputs = model.network.long(given[0])
    masks = batch.masks.flatten(0, 1)
    terms = [structure_loss(each, masks) for each in outputs]
    aligned = sum(alignment_loss(each, masks) for each in outputs)
    torch.testing.assert_close(parts["alignment"], aligned.detach())
    torch.testing.assert_close(loss, sum(t.bce + t.iou for t in terms) + aligned)
    assert not any(part.requires_grad for part in parts.values())


@pytest.mark.parametrize(
    ("length", "windows"),
    [
        # Where each window begins, and for which frames it decides.
        (7, [(0, range(3)), (3, range(3, 6)), (4, range(6, 7))]),
        (6, [(0, range(3)), (3, range(3, 6))]),
        (2, [(0, range(2))]),
        (1, [(0, range(1))]),
    ],
)
def test_the_long_network_goes_along_a_clip_window_by_window(long_model, clip, length, windows):
    model, frames = long_model(), clip(length)
    maps = model.predict(frames)
    kept = stretched(short_maps(model, frames)).numpy()
    assert maps.shape == frames.shape
    for start, decided in windows:
        numbers = [min(start + i, length - 1) for i in range(3)]
        pictures, priors = (
            network_input(torch.from_numpy(each[numbers]), 32, 64, RAW) for each in (frames, kept)
        )
        with torch.inference_mode():
            clip_ = torch.cat([pictures, priors[:, :1]], 1).unsqueeze(0)
            expected = probabilities(model.network.eval().long(clip_)[3], 40, 56)
        for frame in decided:
            # The rounding of a map's level may fall otherwise in a few pixels.
            difference = abs(maps[frame] - expected[frame - start].numpy())
            assert difference.mean() < 1e-4
    assert np.ptp(maps) > 0.1


def test_the_stage_decides_what_is_trained_and_what_predicts(model, clip):
    plain, both = model(), model(long_term=True, long=LONG)
    both.network.short.load_state_dict(plain.network.state_dict())
    assert (plain.n_stages, both.n_stages) == (1, 2)
    np.testing.assert_array_equal(plain.predict(clip()), both.predict(clip()))
    assert both.sampling == plain.sampling == Windows((1, 2))
    assert both.sample_size == (64, 64)
    assert both.augmented
    assert both.optimisation == both.settings.optimisation

    both.begin_stage(1)
    assert both.stage == 1
    assert both.sampling == Windows((1, 2), 3)
    assert both.sample_size == (32, 64)
    assert not both.augmented
    assert both.optimisation == both.settings.long.optimisation
    assert abs(both.predict(clip()) - plain.predict(clip())).max() > 1e-3
    names = [name for name, _ in both.network.named_parameters() if name.startswith(both.encoders)]
    assert {name.split(".")[0] for name in names} == {"short", "long"}


@pytest.mark.parametrize(
    ("facts", "stage"),
    [({}, 1), ({"stage": 1}, 1), ({"stage": 0}, 0)],
)
def test_a_checkpoint_predicts_as_the_stage_did_that_it_is_of(
    long_model, clip, tmp_path, monkeypatch, facts, stage
):
    def built(name, settings, *, initial_weights):
        assert name == "slt_net"
        checked = SltNetSettings.model_validate(settings)
        return SltNetModel(checked, initial_weights=initial_weights)

    monkeypatch.setattr(checkpoint, "create_model", built)
    model = long_model()
    if not stage:
        model.begin_stage(0)
    checkpoint.save_checkpoint(model, tmp_path / "best.ckpt", facts)
    loaded = checkpoint.load_model(tmp_path / "best.ckpt")
    assert loaded.stage == stage
    np.testing.assert_array_equal(loaded.predict(clip(4)), model.predict(clip(4)))


def test_predicting_leaves_the_network_in_its_mode_and_changes_nothing(long_model, clip):
    model = long_model()
    model.train()
    before = {name: tensor.clone() for name, tensor in model.network.state_dict().items()}
    first = model.predict(clip(4))
    assert model.network.training
    assert not model.network.short.training
    np.testing.assert_array_equal(first, model.predict(clip(4)))
    for name, tensor in model.network.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_the_settings_of_the_paper_are_the_default():
    settings = SltNetSettings()
    assert (settings.height_px, settings.width_px) == (352, 352)
    assert (settings.variant, settings.neighbours) == ("released", "forward")
    assert (settings.encoder.name, settings.encoder.drop_path) == ("pvt_v2_b5", 0.3)
    assert SltNetSettings(encoder={"name": "pvt_v2_b0"}).encoder.drop_path == 0.3
    assert not settings.long_term
    long = settings.long
    assert (long.height_px, long.width_px, long.n_frames) == (256, 448, 10)
    own = long.optimisation
    assert (own.optimiser, own.learning_rate, own.weight_decay) == ("adamw", 1e-5, 1e-6)
    assert (own.schedule, own.targets_per_step) == ("cosine_restarts", 20)
    frames = torch.rand(2, 1, 4, 4)
    assert torch.equal(normalised(frames, long.normalisation), frames.expand(-1, 3, -1, -1))


@pytest.mark.parametrize(
    "wrong",
    [
        {"long": {"n_frames": 0}},
        {"long_term": "perhaps"},
        {"encoder": {"name": "res2net50d"}},
        {"variant": "other"},
        {"fsp": True},
    ],
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValidationError):
        SltNetSettings.model_validate(wrong)
