import numpy as np
import pytest
import torch

from fgstp.models import checkpoint
from fgstp.models.blocks.frames import network_input, normalised, probabilities
from fgstp.models.blocks.losses import alignment_loss, structure_loss
from fgstp.models.sampling import Batch, Windows
from fgstp.models.settings import NormalisationSettings
from fgstp.models.slt_net.model import SltNetModel, SltNetSettings
from fgstp.models.slt_net.network import stretched

RAW = NormalisationSettings(mean=(0, 0, 0), std=(1, 1, 1))
LONG = {"height_px": 32, "width_px": 64, "n_frames": 3}


@pytest.fixture
def long_model(small_model):
    def begun(stage=1, **settings):
        model = small_model("slt_net", **{"long_term": True, "long": LONG} | settings)
        model.begin_stage(stage)
        with torch.no_grad():
            # Probabilities spread over [0, 1], and depending on the other frames.
            model.network.long.decoder.coarse.head.weight.mul_(0.02)
            for attention in model.network.long.attend:
                attention.project.weight.mul_(6)
        return model

    return begun


@pytest.fixture
def batch(blobs):
    """Windows of three targets and the two frames behind them."""
    frames, masks = blobs(2, 5)
    triples = torch.tensor([[i, i + 1, i + 2] for i in range(3)]).expand(2, -1, -1)
    return Batch(frames, masks[:, :3], triples)


SAMPLED = {"long": {"height_px": 64, "width_px": 64, "n_frames": 3}}


def test_the_long_network_learns_on_the_maps_of_the_frozen_short_one(batch, learned):
    torch.manual_seed(0)
    settings = {"encoder": {"name": "pvt_v2_b0"}, "height_px": 64, "width_px": 64}
    model = SltNetModel(SltNetSettings(long_term=True, **settings, **SAMPLED))
    model.begin_stage(1)
    before = {name: t.clone() for name, t in model.network.short.state_dict().items()}
    first, last = learned(model, batch, 10)
    assert last < 0.7 * first
    after = model.network.short.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert all(p.grad is None for p in model.network.short.parameters())
    assert all(p.grad is not None for p in model.network.long.parameters())


@pytest.mark.parametrize("bce", ["weighted", "mean"])
def test_a_long_training_step_is_the_sum_of_four_e_losses(long_model, batch, bce):
    model = long_model(network_size=(96, 64), loss={"bce": bce}, **SAMPLED)
    model.network.eval()  # so that frames do not touch one another in the normalisation
    seen = []
    model.network.long.register_forward_pre_hook(lambda _, x: seen.append(x[0]))
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
            clip = seen[0][window, i]
            assert torch.equal(clip[:3], batch.frames[window, i].expand(3, -1, -1))
            # A map near the middle of two levels may fall to either.
            torch.testing.assert_close(clip[3], kept, atol=1.01 / 255, rtol=0)
    outputs = model.network.long(seen[0])
    masks = batch.masks.flatten(0, 1)
    terms = [structure_loss(each, masks, bce) for each in outputs]
    expected = {
        "bce": sum(term.bce for term in terms),
        "iou": sum(term.iou for term in terms),
        "alignment": sum(alignment_loss(each, masks) for each in outputs),
    }
    torch.testing.assert_close(parts, {name: x.detach() for name, x in expected.items()})
    torch.testing.assert_close(loss, sum(expected.values()))


@pytest.mark.parametrize(
    ("length", "windows"),
    [
        # Where each window begins, and for which frames it decides.
        (7, [(0, range(3)), (3, range(3, 6)), (4, range(6, 7))]),
        (2, [(0, range(2))]),
    ],
)
def test_the_long_network_goes_along_a_clip_window_by_window(
    long_model, clip, one_by_one, length, windows
):
    model, frames = long_model(), clip(length)
    maps = model.predict(frames)
    kept = stretched(torch.from_numpy(one_by_one(model, frames))).numpy()
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


def test_the_stage_decides_what_is_trained_and_what_predicts(small_model, long_model, clip):
    plain, both = small_model("slt_net"), long_model(stage=0)
    both.network.short.load_state_dict(plain.network.state_dict())
    assert (plain.n_stages, both.n_stages) == (1, 2)
    np.testing.assert_array_equal(plain.predict(clip()), both.predict(clip()))
    assert both.sampling == plain.sampling == Windows((1, 2))
    assert (both.sample_size, both.augmented, both.delay_frames) == ((64, 64), True, 2)
    assert both.optimisation == both.settings.optimisation

    both.begin_stage(1)
    assert both.stage == 1
    assert both.sampling == Windows((1, 2), 3)
    assert (both.sample_size, both.augmented, both.delay_frames) == ((32, 64), False, 4)
    assert both.optimisation == both.settings.long.optimisation
    assert abs(both.predict(clip()) - plain.predict(clip())).max() > 1e-3
    names = [name for name, _ in both.network.named_parameters() if name.startswith(both.encoders)]
    assert {name.split(".")[0] for name in names} == {"short", "long"}


@pytest.mark.parametrize(("facts", "stage"), [({}, 1), ({"stage": 0}, 0)])
def test_a_checkpoint_predicts_as_the_stage_did_that_it_is_of(
    long_model, clip, tmp_path, facts, stage
):
    model = long_model(stage)
    checkpoint.save_checkpoint(model, tmp_path / "best.ckpt", facts)
    loaded = checkpoint.load_model(tmp_path / "best.ckpt")
    assert loaded.stage == stage
    np.testing.assert_array_equal(loaded.predict(clip(4)), model.predict(clip(4)))
