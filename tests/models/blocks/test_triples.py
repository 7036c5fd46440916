"""Models that relate a frame to two neighbours: FGSTP, its ablations, and SLT-Net."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from fgstp.models.blocks.frames import normalised
from fgstp.models.blocks.layers import Pyramid
from fgstp.models.blocks.losses import structure_loss
from fgstp.models.blocks.triples import pick
from fgstp.models.registry import create_model
from fgstp.models.sampling import Batch

B0 = {"encoder": {"name": "pvt_v2_b0"}}
RELEASED = {"variant": "released"}
NETWORKS = {  # model, settings, and what its `relate` computes with
    "fgstp": ("fgstp", {}, "ctc residual fsp"),
    "fgstp_released": ("fgstp", RELEASED, "ctc residual fsp"),
    "no_ctc": ("fgstp_no_ctc", {}, "fsp"),
    "no_fsp": ("fgstp_no_fsp", {}, "ctc residual"),
    "no_ctc_no_fsp": ("fgstp_no_ctc_no_fsp", {}, ""),
    "slt_net": ("slt_net", {}, "ctc"),
    "slt_net_paper": ("slt_net", {"variant": "paper"}, "ctc"),
}


@pytest.fixture(params=NETWORKS)
def network(request, randomised):
    name, settings, parts = NETWORKS[request.param]
    model = create_model(name, B0 | settings)
    assert model.name == name
    with torch.no_grad():
        network = randomised(model.network)
        network.parts = parts.split()
        yield network


@pytest.fixture
def fgstp(randomised):
    with torch.no_grad():
        yield randomised(create_model("fgstp", B0).network)


def close(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


def related(network, target, neighbour):
    """R of each level, as the settings of the model specify."""
    for level, (t, n) in enumerate(zip(target, neighbour, strict=True)):
        r = network.ctc.levels[level](t, n) if "ctc" in network.parts else t
        r = r + t if "residual" in network.parts else r
        yield network.fsp[level](r) if "fsp" in network.parts else r


def test_maps_are_those_of_the_first_pair_of_the_second_pair_and_the_fused_one(network, draw):
    target, first, second = draw(3, 1, 3, 64, 96)
    e1, e2, e3 = (network.encode(frame) for frame in (target, first, second))
    expected = []
    for neighbour in (e2, e3):
        r = Pyramid(*related(network, e1, neighbour))
        close(network.relate(e1, neighbour), r)
        s_g, s_5, s_4, s_3 = network.decoder(r)
        assert (s_5.shape[-1], s_4.shape[-1]) == (3, 6)
        expected += [
            functional.interpolate(maps, size=(64, 96), mode="bilinear", align_corners=False)
            for maps in (s_g, s_5, s_4, s_3)
        ]
    fused = torch.cat([expected[3], expected[7]], 1)
    for layer in network.fusion:
        fused = functional.conv2d(fused, layer.weight, layer.bias, padding=1)
    outputs = network(target, first, second)
    close(outputs, [*expected, fused])
    # An exchange of the pairs would be seen, and other neighbours where they count.
    swapped = network(target, second, first)
    close(swapped[:8], [*expected[4:], *expected[:4]])
    other = network(target, second + 1, first)[8]
    if "ctc" in network.parts:
        assert (swapped[8] - fused).abs().max() > 1e-3
        assert not torch.equal(other, outputs[8])
    else:
        assert torch.equal(other, outputs[8])


def test_encoded_frames_give_what_whole_frames_give(network, draw):
    frames = draw(4, 3, 50, 70)
    triples = pick(network.encode(frames), torch.tensor([[0, 1, 2], [1, 2, 3]]))
    expected = network(frames[[0, 1]], frames[[1, 2]], frames[[2, 3]])
    close(network.decode(triples, (50, 70)), expected)
    close([network.decode_fused(triples, (50, 70))], [expected[8]])
    # Frames of a batch do not touch one another.
    close([network(*frames[[1, 2, 3]].unsqueeze(1))[8]], [expected[8][1:]])


@pytest.mark.parametrize("size", [(50, 70), (33, 1)])
def test_nine_maps_have_the_size_of_the_input(network, draw, size):
    outputs = network(*draw(3, 2, 3, *size))
    assert [tuple(output.shape) for output in outputs] == [(2, 1, *size)] * 9
    assert all(output.dtype == torch.float32 and output.isfinite().all() for output in outputs)


def test_the_reduction_to_32_channels_works_on_the_three_coarser_levels(fgstp, draw):
    encoder, frames = fgstp.encoder, draw(2, 3, 64, 96)
    levels = encoder(frames)
    assert [tuple(x.shape) for x in levels] == [(2, 32, 8, 12), (2, 32, 4, 6), (2, 32, 2, 3)]
    close(levels, [f(x) for f, x in zip(encoder.reduce, encoder.pvt(frames), strict=True)])


def test_a_frame_is_padded_by_its_border_and_the_maps_are_cut(fgstp, draw):
    frames = draw(3, 3, 50, 70)
    padded = functional.pad(frames, (0, 26, 0, 14), mode="replicate").unsqueeze(1)
    close(fgstp(*frames.unsqueeze(1)), [maps[..., :50, :70] for maps in fgstp(*padded)])


def test_mixed_precision_stays_close(fgstp, draw):
    frames = draw(3, 1, 3, 64, 64)
    expected = fgstp(*frames)[8]
    with torch.autocast("cpu", torch.bfloat16):
        result = fgstp(*frames)[8]
    assert result.isfinite().all()
    assert (result - expected).abs().mean() < 0.1 * expected.std()


# ------------------------------------------------------------ prediction and training


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("fgstp", {"batch_frames": 1}),
        ("fgstp", {"batch_frames": 16, "network_size": (96, 64)}),
        ("fgstp", {"neighbours": "forward", "normalisation": {"mean": [0.2] * 3}}),
        ("fgstp", {"neighbours": "causal", **RELEASED}),
        ("fgstp_no_ctc", {}),
        ("fgstp_no_fsp", RELEASED),
        ("fgstp_no_ctc_no_fsp", {}),
        ("slt_net", {}),
        ("slt_net", {"neighbours": "centred", "variant": "paper"}),
    ],
)
def test_cached_features_predict_what_three_encodings_a_frame_predict(
    small_model, clip, one_by_one, name, settings
):
    model, frames, seen = small_model(name, **settings), clip(6), []
    encoder = model.triple_network.encoder
    with encoder.register_forward_pre_hook(lambda _, x: seen.append(tuple(x[0].shape))):
        maps = model.predict(frames)
    size = settings.get("network_size", (64, 64))
    assert {shape[2:] for shape in seen} == {size}
    assert sum(shape[0] for shape in seen) == 6  # each frame is encoded once
    assert max(shape[0] for shape in seen) <= model.settings.batch_frames
    assert (maps.dtype, maps.shape) == (np.float32, (6, 40, 56))
    assert 0 <= maps.min() < maps.max() - 0.1 <= 0.9
    np.testing.assert_allclose(maps, one_by_one(model, frames), atol=1e-4)


def windows(draw):
    """Two windows of four frames with two triples each."""
    triples = torch.tensor([[[1, 0, 2], [2, 1, 3]], [[0, 0, 1], [3, 2, 3]]])
    return Batch(draw(2, 4, 1, 64, 64), (draw(2, 2, 1, 64, 64) > 0).float(), triples)


WEIGHTS = (1.0, 0.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 3.0)


@pytest.mark.parametrize(
    ("name", "loss"), [("fgstp", {"output_weights": WEIGHTS}), ("slt_net", {"bce": "mean"})]
)
def test_a_training_step_is_the_sum_of_nine_losses_over_all_triples(small_model, draw, name, loss):
    model, batch = small_model(name, loss=loss), windows(draw)
    total, parts = model.training_step(batch, 0.0)
    expected = {"bce": 0.0, "iou": 0.0}
    for w, t in np.ndindex(2, 2):
        frames = batch.frames[w, batch.targets[w, t]]
        triple = normalised(frames, model.settings.normalisation).unsqueeze(1)
        for output, weight in zip(
            model.network(*triple), model.settings.loss.output_weights, strict=True
        ):
            term = structure_loss(output, batch.masks[w, t].unsqueeze(0), model.settings.loss.bce)
            for part in expected:
                expected[part] += weight * getattr(term, part) / 4
    assert parts.keys() == expected.keys()
    for part, value in expected.items():
        torch.testing.assert_close(parts[part], value.detach(), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(total.detach(), parts["bce"] + parts["iou"])


@pytest.mark.parametrize(("name", "encoded"), [("fgstp", 8), ("fgstp_no_ctc", 4)])
def test_frames_of_a_window_are_encoded_once_and_only_where_needed(
    small_model, draw, name, encoded
):
    model, batch, counted = small_model(name), windows(draw), []
    model.network.encoder.register_forward_pre_hook(lambda _, x: counted.append(len(x[0])))
    loss, _ = model.training_step(batch, 0.0)
    assert counted == [encoded]
    others = batch._replace(frames=batch.frames.flip(1))
    assert not torch.equal(model.training_step(others, 0.0)[0], loss)


@pytest.mark.parametrize("name", ["fgstp", "slt_net"])
def test_the_network_learns_a_blob_from_a_few_steps(blobs, learned, name):
    torch.manual_seed(0)
    settings = B0 | {"height_px": 64, "width_px": 64}
    frames, masks = blobs(3, 3)
    batch = Batch(frames, masks[:, 1:2], torch.tensor([[[1, 0, 2]]]).expand(3, -1, -1))
    first, last = learned(create_model(name, settings), batch, 10)
    assert last < 0.7 * first
