"""The networks of SLT-Net against their equations, and their losses."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from fgstp.models.blocks.layers import Pyramid
from fgstp.models.blocks.losses import alignment_loss, long_term_loss
from fgstp.models.slt_net.network import (
    NormalisedSelfAttention,
    SltNet,
    SltNetLong,
    SltNetShort,
    stretched,
)


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
        large = functional.interpolate(own, size=(64, 96), mode="bilinear", align_corners=False)
        expected = large[..., : size[0], : size[1]]
        torch.testing.assert_close(ours, expected, atol=1e-4, rtol=1e-4)


def test_one_network_is_trained_at_a_time_and_the_long_one_begins_as_the_short_one():
    def trained():
        return {name.split(".")[0] for name, p in network.named_parameters() if p.requires_grad}

    network = SltNet(SltNetShort("pvt_v2_b0"), SltNetLong(64, 64, "pvt_v2_b0")).train()
    assert trained() == {"short"}
    assert network.short.training
    network.train_long()
    assert trained() == {"long"}
    assert not network.short.encoder.training
    short, long = network.short.state_dict(), network.long.state_dict()
    shared = [name for name in long if name.startswith(("encoder.", "decoder."))]
    assert {name.split(".")[0] for name in set(long) - set(shared)} == {"mix", "attend"}
    assert all(torch.equal(short[name], long[name]) for name in shared)
    assert network.short.encoder is not network.long.encoder
    for mode in (True, False, True):
        network.train(mode)
        assert not any(module.training for module in network.short.modules())
        assert network.long.encoder.training == mode
    network.train_short()
    assert trained() == {"short"}
    assert network.train().short.encoder.training


def test_maps_are_kept_as_pictures_that_use_all_levels():
    maps = torch.tensor([[[0.2, 0.3], [0.26, 0.7]], [[0.5, 0.5], [0.5, 0.5]]])
    # 255 (0, .1, .06, .5) / .5; a map without contrast is empty.
    expected = torch.tensor([[[0, 51], [31, 255]], [[0, 0], [0, 0]]], dtype=torch.uint8)
    assert torch.equal(stretched(maps), expected)


# ----------------------------------------------------------------- self-attention


def naive(block, x):
    """One clip (T, C, H, W), in double precision."""
    n_frames, n_channels, height, width = x.shape
    depth = n_channels // 4
    project = {
        name: getattr(block, name).weight[:, :, 0, 0].double().numpy()
        for name in ("query", "key", "value", "project")
    }
    q, k, v = (
        np.einsum("oc,tchw->tohw", project[name], x.numpy()) for name in ("query", "key", "value")
    )
    mixed = np.zeros_like(v)
    certainty = np.zeros((n_frames, height, width))
    for head, dilation in enumerate((1, 3, 5, 7)):
        own = slice(head * depth, (head + 1) * depth)
        for t in range(n_frames):
            query = q[t, own]
            query = (query - query.mean()) / math.sqrt(query.var() + 1e-5)
            query = query * block.norm.weight.numpy() + block.norm.bias.numpy()
            for y, x_ in np.ndindex(height, width):
                scores = []
                for s, i, j in np.ndindex(n_frames, 7, 7):
                    row, column = y + dilation * (i - 3), x_ + dilation * (j - 3)
                    if 0 <= row < height and 0 <= column < width:
                        seen = k[s, own, row, column], v[s, own, row, column]
                        score = query[:, y, x_] @ seen[0] / math.sqrt(depth)
                        mixed[t, own, y, x_] += score * seen[1]
                    else:
                        score = 0.0
                    scores.append(score)
                odds = np.exp(scores)
                certainty[t, y, x_] = max(certainty[t, y, x_], (odds / odds.sum()).max())
    result = np.einsum("oc,tchw->tohw", project["project"], mixed)
    return torch.from_numpy(result * certainty[:, None])


@pytest.mark.parametrize(("n_frames", "height", "width"), [(2, 5, 8), (1, 9, 3)])
@torch.no_grad()
def test_it_computes_what_loops_compute(randomised, draw, n_frames, height, width):
    block = randomised(NormalisedSelfAttention(16, height, width))
    block.norm.weight.copy_(1 + 0.3 * draw(4, height, width))
    block.norm.bias.copy_(0.3 * draw(4, height, width))
    clips = draw(2, n_frames, 16, height, width)
    result = block(clips)
    for one, clip in zip(result, clips, strict=True):
        expected = naive(block, clip.double())
        assert expected.std() > 0.1
        torch.testing.assert_close(one.double(), expected, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_mixed_precision_makes_no_difference(randomised, draw):
    block, clip = randomised(NormalisedSelfAttention(32, 4, 6)), draw(1, 2, 32, 4, 6)
    expected = block(clip)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(block(clip), expected)


# ------------------------------------------------------------------------- losses


def logit(*values):
    p = torch.tensor(values)
    return (p / (1 - p)).log().view(1, 1, 1, -1)


def mask(*values):
    return torch.tensor(values).view(1, 1, 1, -1)


@pytest.mark.parametrize(
    ("p", "g", "expected"),
    [
        # a = (-.3, .3), b = (-.5, .5): xi = .3 / (.09 + .25), twice.
        ((0.2, 0.8), (0.0, 1.0), 1 - (1 + 0.3 / 0.34) ** 2 / 4),
        # The other way round: xi is its negative.
        ((0.8, 0.2), (0.0, 1.0), 1 - (1 - 0.3 / 0.34) ** 2 / 4),
        # Without contrast in the map: xi = 0.
        ((0.4, 0.4), (0.0, 1.0), 0.75),
        # a = (-.2, .0, .0, .2), b = (-.25, -.25, -.25, .75): xi = .1/.1025, 0, 0, .3/.6025.
        (
            (0.3, 0.5, 0.5, 0.7),
            (0.0, 0.0, 0.0, 1.0),
            1 - ((1 + 0.1 / 0.1025) ** 2 + 1 + 1 + (1 + 0.3 / 0.6025) ** 2) / 16,
        ),
        # Neither has contrast: they agree.
        ((0.4, 0.4), (0.0, 0.0), 0.0),
    ],
)
def test_alignment_by_hand(p, g, expected):
    assert alignment_loss(logit(*p), mask(*g)).item() == pytest.approx(expected, abs=1e-6)


def test_alignment_is_of_each_picture_by_itself():
    maps = torch.cat([logit(0.2, 0.8), logit(0.45, 0.4)])
    masks = torch.cat([mask(0.0, 1.0), mask(1.0, 0.0)])
    one, other = (alignment_loss(maps[i : i + 1], masks[i : i + 1]) for i in range(2))
    assert abs(one - other) > 0.1
    torch.testing.assert_close(alignment_loss(maps, masks), (one + other) / 2)


def test_gradients_are_finite_without_gas_and_with_certain_maps():
    logits = torch.full((1, 1, 8, 8), -40.0, requires_grad=True)
    terms = long_term_loss([logits], torch.zeros(1, 1, 8, 8))
    sum(terms).backward()
    assert math.isfinite(sum(terms).item())
    assert logits.grad.isfinite().all()
