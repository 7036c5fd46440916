import pytest
import torch
from torch.nn import functional

from fgstp.models.blocks.layers import Pyramid
from fgstp.models.slt_net.network import SltNet, SltNetLong, SltNetShort, stretched


def close(ours, theirs):
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def enlarged(maps, size):
    return functional.interpolate(maps, size=size, mode="bilinear", align_corners=False)


@pytest.mark.parametrize("variant", ["released", "paper"])
@torch.no_grad()
def test_the_short_network_decodes_the_bare_correlation(randomised, draw, variant):
    network = randomised(SltNetShort("pvt_v2_b0", variant))
    target, first, second = draw(3, 1, 3, 64, 96)
    e1, e2, e3 = (network.encode(frame) for frame in (target, first, second))
    finest, expected = [], []
    for neighbour in (e2, e3):
        correlated = [
            ctc(t, n) for ctc, t, n in zip(network.ctc.levels, e1, neighbour, strict=True)
        ]
        maps = [enlarged(each, (64, 96)) for each in network.decoder(Pyramid(*correlated))]
        expected += maps
        finest.append(maps[-1])
    fused = torch.cat(finest, 1)
    for layer in network.fusion:
        fused = functional.conv2d(fused, layer.weight, layer.bias, padding=1)
    outputs = network(target, first, second)
    assert len(outputs) == 9
    for ours, theirs in zip(outputs, [*expected, fused], strict=True):
        close(ours, theirs)


@torch.no_grad()
def test_the_variants_of_the_correlation_differ(randomised, draw):
    frames = draw(3, 1, 3, 64, 64)
    one, other = (
        randomised(SltNetShort("pvt_v2_b0", variant))(*frames)[8]
        for variant in ("released", "paper")
    )
    assert (one - other).abs().max() > 1e-3


@pytest.mark.parametrize("size", [(64, 96), (50, 70)])
@torch.no_grad()
def test_the_long_network_refines_p4_alone(randomised, draw, size):
    network = randomised(SltNetLong(*size, "pvt_v2_b0"))
    clips = draw(2, 3, 4, *size)
    weight = network.mix.weight[:, :, 0, 0]
    frames = torch.einsum("oc,btchw->btohw", weight, clips) + network.mix.bias.view(3, 1, 1)
    frames = functional.pad(frames.flatten(0, 1), (0, -size[1] % 32, 0, -size[0] % 32), "replicate")
    assert frames.shape == (6, 3, 64, 96)
    p3, p4, p5 = network.encoder(frames)
    refined = []
    for clip in p4.reshape(2, 3, 32, 4, 6):
        f = clip.unsqueeze(0)
        h1 = network.attend[0](f) + f
        h2 = network.attend[1](h1) + h1
        refined.append((f + h2)[0])
    maps = network.decoder(Pyramid(p3, torch.cat(refined), p5))
    for ours, own in zip(network(clips), maps, strict=True):
        assert ours.shape == (6, 1, *size)
        close(ours, enlarged(own, (64, 96))[..., : size[0], : size[1]])


@torch.no_grad()
def test_frames_of_a_clip_touch_one_another_and_clips_do_not(randomised, draw):
    network = randomised(SltNetLong(64, 64, "pvt_v2_b0"))
    clips = draw(2, 2, 4, 64, 64)
    changed = clips.clone()
    changed[0, 1] += 1
    before, after = network(clips).s_3, network(changed).s_3
    assert (before - after)[0].abs().max() > 1e-4
    close(before[2:], after[2:])


def test_every_parameter_of_the_long_network_gets_a_gradient(draw):
    network = SltNetLong(64, 64, "pvt_v2_b0")
    sum(maps.square().mean() for maps in network(draw(1, 2, 4, 64, 64))).backward()
    assert [name for name, p in network.named_parameters() if p.grad is None] == []


def test_one_network_is_trained_at_a_time():
    network = SltNet(SltNetShort("pvt_v2_b0"), SltNetLong(64, 64, "pvt_v2_b0")).train()
    assert _trained(network) == {"short"}
    assert network.short.training
    network.train_long()
    assert _trained(network) == {"long"}
    assert not network.short.encoder.training
    for mode in (True, False, True):
        network.train(mode)
        assert not any(module.training for module in network.short.modules())
        assert network.long.encoder.training == mode
    network.train_short()
    assert _trained(network) == {"short"}
    assert network.train().short.encoder.training


def test_the_long_network_begins_as_the_short_one():
    torch.manual_seed(0)
    network = SltNet(SltNetShort("pvt_v2_b0"), SltNetLong(64, 64, "pvt_v2_b0"))
    network.train_long()
    short, long = network.short.state_dict(), network.long.state_dict()
    shared = [name for name in long if name.startswith(("encoder.", "decoder."))]
    assert {name.split(".")[0] for name in set(long) - set(shared)} == {"mix", "attend"}
    assert all(torch.equal(short[name], long[name]) for name in shared)
    assert network.short.encoder is not network.long.encoder


def _trained(network):
    return {name.split(".")[0] for name, p in network.named_parameters() if p.requires_grad}


def test_maps_are_kept_as_pictures_that_use_all_levels():
    maps = torch.tensor([[[0.2, 0.3], [0.26, 0.7]], [[0.5, 0.5], [0.5, 0.5]]])
    # 255 (0, .1, .06, .5) / .5; a map without contrast is empty.
    expected = torch.tensor([[[0, 51], [31, 255]], [[0, 0], [0, 0]]], dtype=torch.uint8)
    assert torch.equal(stretched(maps), expected)
