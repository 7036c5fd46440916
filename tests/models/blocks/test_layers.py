"""Each block against its equations, written down once more in the plainest way."""

import pytest
import torch
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from fgstp.models.blocks.correlation import LevelCorrelation
from fgstp.models.blocks.decoder import Decoder, GroupReversal, NeighbourConnection, ReverseStage
from fgstp.models.blocks.layers import GroupedUnit, Pyramid, TextureEnhancement


def conv_bn(block, x, padding, dilation=1):
    """Convolution and normalisation from the bare tensors of a block."""
    w, bn = block.conv.weight, block.bn
    y = functional.conv2d(x, w, padding=padding, dilation=dilation)
    mean, var = bn.running_mean.view(-1, 1, 1), bn.running_var.view(-1, 1, 1)
    y = (y - mean) / (var + 1e-5).sqrt()
    return y * bn.weight.view(-1, 1, 1) + bn.bias.view(-1, 1, 1)


def conv1(layer, x):
    """A 1 x 1 convolution as a matrix product."""
    y = torch.einsum("oc,bchw->bohw", layer.weight[:, :, 0, 0], x)
    return y if layer.bias is None else y + layer.bias.view(-1, 1, 1)


def close(ours, theirs):
    torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=2e-5)


def test_texture_enhancement_adds_merged_paths_to_a_projection(randomised, draw):
    block, x = randomised(TextureEnhancement(20, 32)), draw(2, 20, 9, 13)
    paths = [conv_bn(block.paths[0][0], x, 0)]
    for path, k in zip(block.paths[1:], (3, 5, 7), strict=True):
        y = conv_bn(path[0], x, 0)
        y = conv_bn(path[1], y, (0, k // 2))
        y = conv_bn(path[2], y, (k // 2, 0))
        paths.append(conv_bn(path[3], y, k, dilation=k))
    merged = conv_bn(block.merge, torch.cat(paths, 1), 1)
    close(block(x), torch.relu(merged + conv_bn(block.skip, x, 0)))
    assert block.paths[3][1].conv.weight.shape == (32, 32, 1, 7)  # lying before standing


@pytest.mark.parametrize("n_groups", [1, 4, 32])
def test_group_reversal_puts_the_guide_behind_every_chunk(randomised, draw, n_groups):
    block, x, y = randomised(GroupReversal(32, n_groups)), draw(2, 32, 5, 6), draw(2, 1, 5, 6)
    mixed = torch.cat([part for chunk in x.chunk(n_groups, 1) for part in (chunk, y)], 1)
    new_x = x + torch.relu(block.conv(mixed))
    got_x, got_y = block(x, y)
    close(got_x, new_x)
    close(got_y, y + block.score(new_x))


def test_a_reverse_stage_starts_from_what_the_guide_denies(randomised, draw):
    stage, x, guide = randomised(ReverseStage(32)), draw(2, 32, 5, 6), draw(2, 1, 5, 6)
    assert [step.n_groups for step in stage.steps] == [1, 4, 32]
    features, y = x, 1 - 1 / (1 + torch.exp(-guide))
    for step in stage.steps:
        features, y = step(features, y)
    close(stage(x, guide), y + guide)


def pyramid(draw, n=2, height=16, width=24, channels=32):
    return Pyramid(*(draw(n, channels, height // s, width // s) for s in (1, 2, 4)))


def doubled(x):
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)


def test_the_neighbour_connection_multiplies_and_joins_levels(randomised, draw):
    block, (p3, p4, p5) = randomised(NeighbourConnection(32)), pyramid(draw)
    k = [lambda x, k=k: conv_bn(k, x, 1) for k in block.k]
    a4 = k[0](doubled(p5)) * p4
    a3 = k[1](doubled(a4)) * k[2](doubled(p4)) * p3
    b4 = k[5](torch.cat([a4, k[3](doubled(p5))], 1))
    b3 = k[6](torch.cat([a3, k[4](doubled(b4))], 1))
    close(block(Pyramid(p3, p4, p5)), conv1(block.head, k[7](b3)))


def test_the_decoder_refines_from_the_coarsest_level_to_the_finest(randomised, draw):
    decoder, levels = randomised(Decoder(32)), pyramid(draw)
    s_g, s_5, s_4, s_3 = decoder(levels)
    close(s_g, decoder.coarse(levels))
    # A quarter of the size without anti-aliasing: the mean of the middle 2 x 2 of each 4 x 4.
    cells = s_g.unfold(2, 4, 4).unfold(3, 4, 4)
    close(s_5, decoder.stage_5(levels.p5, cells[..., 1:3, 1:3].mean((-2, -1))))

    def up(x):
        return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)

    close(s_4, decoder.stage_4(levels.p4, up(s_5)))
    close(s_3, decoder.stage_3(levels.p3, up(s_4)))


def tail(block, x, attended):
    """What both variants of the correlation end in."""
    z = conv1(block.project, attended) + x
    return conv_bn(block.reduce, conv1(block.merge, torch.cat([x, z], 1)), 1)


def test_the_paper_compares_every_position_of_one_frame_with_every_one_of_the_other(
    randomised, draw
):
    block = randomised(LevelCorrelation(8, "paper", 2))
    target, neighbour = draw(2, 8, 5, 7), draw(2, 8, 5, 7)
    x = torch.cat([target, neighbour], 1)
    delta = conv1(block.value, x)
    corr = torch.exp(torch.einsum("bcxy,bcuv->bxyuv", target.double(), neighbour.double()))
    corr /= corr.sum((3, 4), keepdim=True)
    xi = torch.einsum("bxyuv,bcuv->bcxy", corr, delta.double()).float()
    close(block(target, neighbour), tail(block, x, xi))


@pytest.mark.parametrize(
    ("height", "width", "s"), [(8, 12, 2), (11, 11, 4), (11, 11, 8), (2, 3, 8)]
)
def test_the_released_code_compares_concatenations_over_a_pooled_grid(
    randomised, draw, height, width, s
):
    block = randomised(LevelCorrelation(8, "released", s))
    target, neighbour = draw(2, 8, height, width), draw(2, 8, height, width)
    x = torch.cat([target, neighbour], 1)

    h, w = min(s, height), min(s, width)  # a map smaller than a cell is one cell

    def pooled(maps):  # cells that are not full are left out
        return maps.unfold(2, h, h).unfold(3, w, w).amax((-2, -1)).flatten(2)

    scores = torch.einsum("bdp,bdn->bpn", x.flatten(2), pooled(x))
    assert scores.shape[-1] == (height // h) * (width // w)
    y = torch.einsum("bpn,bcn->bcp", scores.softmax(-1), pooled(conv1(block.value, x)))
    close(block(target, neighbour), tail(block, x, y.reshape(2, 8, height, width)))


@pytest.mark.parametrize("variant", ["paper", "released"])
def test_the_correlation_adds_nothing_at_the_start_of_training(draw, variant):
    block = LevelCorrelation(8, variant, 2).eval()
    target, neighbour = draw(1, 8, 4, 4), draw(1, 8, 4, 4)
    x = torch.cat([target, neighbour], 1)
    close(block(target, neighbour), tail(block, x, torch.zeros(1, 8, 4, 4)))


@pytest.mark.parametrize("variant", ["paper", "released"])
def test_the_correlation_is_float32_inside_whatever_is_around_it(randomised, draw, variant):
    block = randomised(LevelCorrelation(8, variant, 2))
    # Similarities of some hundreds: in bfloat16 they would be wrong by whole units.
    target, neighbour = (10 * draw(1, 8, 6, 6)).bfloat16(), (10 * draw(1, 8, 6, 6)).bfloat16()
    expected = block(target.float(), neighbour.float())
    with torch.autocast("cpu", torch.bfloat16):
        result = block(target, neighbour)
    assert result.dtype == torch.float32
    torch.testing.assert_close(result, expected, atol=0, rtol=0)


class LargestTensor(TorchDispatchMode):
    numbers = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, (tuple, list)) else [result]:
            if isinstance(tensor, torch.Tensor):
                self.numbers = max(self.numbers, tensor.numel())
        return result


def test_the_paper_variant_never_stores_the_volume_of_all_pairs(draw):
    block = LevelCorrelation(32, "paper", 2)
    target, neighbour = draw(1, 32, 44, 44), draw(1, 32, 44, 44)
    with LargestTensor() as largest:
        block(target, neighbour).sum().backward()
    assert largest.numbers == 128 * 44 * 44  # the concatenation; the volume has 1936 * 1936
    assert largest.numbers < 1936 * 1936 / 10


def test_the_grouped_unit_hands_a_fork_from_group_to_group(randomised, draw):
    unit, x = randomised(GroupedUnit(32)), draw(2, 32, 6, 5)
    assert [tuple(i.conv.weight.shape[:2]) for i in unit.interact] == [
        (48, 16),
        *[(48, 32)] * 4,
        (32, 32),
    ]
    e = torch.relu(conv_bn(unit.expand, x, 0)).chunk(6, 1)
    keeps, gates, fork = [], [], None
    for j, interact in enumerate(unit.interact):
        m = torch.relu(conv_bn(interact, e[j] if j == 0 else torch.cat([e[j], fork], 1), 1))
        keeps.append(m[:, :16])
        if j < 5:
            fork = m[:, 16:32]
        gates.append(m[:, -16:])
    mean = torch.cat(gates, 1).mean((2, 3), keepdim=True)
    gate = conv1(unit.gate[3], torch.relu(conv1(unit.gate[1], mean))).softmax(1)
    assert gate.shape == (2, 96, 1, 1)
    torch.testing.assert_close(gate.sum(1), torch.ones(2, 1, 1))
    gated = torch.cat(keeps, 1) * gate
    expected = torch.relu(conv_bn(unit.fuse, gated, 1) + x)
    close(unit(x), expected)
    # With softmax over 96 channels the gated part is small; look at it by itself.
    assert (expected - torch.relu(x)).abs().max() > 1e-2
