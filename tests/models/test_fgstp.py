import pytest
import torch
from torch.nn import functional

from fgstp.models.blocks.layers import Pyramid
from fgstp.models.blocks.triples import pick
from fgstp.models.fgstp import Fgstp

ABLATIONS = pytest.mark.parametrize(
    ("use_ctc", "use_fsp"), [(True, True), (False, True), (True, False), (False, False)]
)


@pytest.fixture
def network(randomised):
    def build(variant="paper", **parts):
        return randomised(Fgstp("pvt_v2_b0", variant, **parts))

    return build


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.no_grad():
        yield


def close(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("variant", ["paper", "released"])
@pytest.mark.parametrize("size", [(64, 96), (50, 70), (33, 1)])
def test_nine_maps_have_the_size_of_the_input(network, draw, variant, size):
    outputs = network(variant)(*draw(3, 2, 3, *size))
    assert [tuple(output.shape) for output in outputs] == [(2, 1, *size)] * 9
    assert all(output.dtype == torch.float32 and output.isfinite().all() for output in outputs)


def test_the_order_is_the_first_pair_the_second_pair_and_the_fused_map(network, draw):
    network = network()
    target, first, second = draw(3, 1, 3, 64, 96)
    e1, e2, e3 = (network.encode(frame) for frame in (target, first, second))
    expected = []
    for neighbour in (e2, e3):
        r = [
            fsp(ctc(t, n) + t)
            for fsp, ctc, t, n in zip(network.fsp, network.ctc.levels, e1, neighbour, strict=True)
        ]
        s_g, s_5, s_4, s_3 = network.decoder(Pyramid(*r))
        assert (s_5.shape[-1], s_4.shape[-1]) == (3, 6)
        expected += [
            functional.interpolate(maps, size=(64, 96), mode="bilinear", align_corners=False)
            for maps in (s_g, s_5, s_4, s_3)
        ]
    fused = torch.cat([expected[3], expected[7]], 1)
    for layer in network.fusion:
        fused = functional.conv2d(fused, layer.weight, layer.bias, padding=1)
    close(network(target, first, second), [*expected, fused])
    # The pairs differ, and so do the maps: an exchange would be seen.
    swapped = network(target, second, first)
    close(swapped[:8], [*expected[4:], *expected[:4]])
    assert (swapped[8] - fused).abs().max() > 1e-3


def test_the_reduction_to_32_channels_works_on_the_three_coarser_levels(network, draw):
    encoder, frames = network().encoder, draw(2, 3, 64, 96)
    levels = encoder(frames)
    assert [tuple(x.shape) for x in levels] == [(2, 32, 8, 12), (2, 32, 4, 6), (2, 32, 2, 3)]
    close(levels, [f(x) for f, x in zip(encoder.reduce, encoder.pvt(frames), strict=True)])


@ABLATIONS
def test_ablations_are_wired_as_specified(network, draw, use_ctc, use_fsp):
    network = network(use_ctc=use_ctc, use_fsp=use_fsp)
    assert (network.ctc is not None, network.fsp is not None) == (use_ctc, use_fsp)
    target, first, second = draw(3, 1, 3, 64, 64)
    e1, e2 = network.encode(target), network.encode(first)
    for level, (r, t, n) in enumerate(zip(network.relate(e1, e2), e1, e2, strict=True)):
        expected = t
        if use_ctc:
            expected = network.ctc.levels[level](t, n) + expected
        if use_fsp:
            expected = network.fsp[level](expected)
        torch.testing.assert_close(r, expected)
    outputs = network(target, first, second)
    moved = network(target, second + 1, first)
    assert torch.equal(outputs[8], moved[8]) == (not use_ctc)
    if not use_ctc:
        close(outputs[:4], outputs[4:8])


@ABLATIONS
def test_encoded_frames_give_what_whole_frames_give(network, draw, use_ctc, use_fsp):
    network = network(use_ctc=use_ctc, use_fsp=use_fsp)
    frames = draw(4, 3, 50, 70)
    features = network.encode(frames)
    triples = pick(features, torch.tensor([[0, 1, 2], [1, 2, 3]]))
    expected = network(frames[[0, 1]], frames[[1, 2]], frames[[2, 3]])
    close(network.decode(triples, (50, 70)), expected)
    close([network.decode_fused(triples, (50, 70))], [expected[8]])
    # Frames of a batch do not touch one another.
    close([network(*frames[[1, 2, 3]].unsqueeze(1))[8]], [expected[8][1:]])


def test_a_frame_is_padded_by_its_border_and_the_maps_are_cut(network, draw):
    network, frames = network(), draw(3, 3, 50, 70)
    padded = functional.pad(frames, (0, 26, 0, 14), mode="replicate").unsqueeze(1)
    close(network(*frames.unsqueeze(1)), [maps[..., :50, :70] for maps in network(*padded)])


def test_mixed_precision_stays_close(network, draw):
    network = network()
    frames = draw(3, 1, 3, 64, 64)
    expected = network(*frames)[8]
    with torch.autocast("cpu", torch.bfloat16):
        result = network(*frames)[8]
    assert result.isfinite().all()
    assert (result - expected).abs().mean() < 0.1 * expected.std()
