"""ZoomNeXt against its equations, written down once more in the plainest way."""

import math

import pytest
import torch
from torch.nn import functional

from fgstp.models.blocks.layers import GroupedUnit
from fgstp.models.zoomnext.model import zoomnext_loss
from fgstp.models.zoomnext.network import (
    AtrousPyramid,
    ScaleIntegration,
    TemporalDifference,
    ZoomNext,
)


def cbr(block, x, dilation=1):
    """Convolution, normalisation and ReLU from the bare tensors of a block."""
    w, bn = block.conv.weight, block.bn
    y = functional.conv2d(x, w, padding=dilation * (w.shape[-1] // 2), dilation=dilation)
    mean, var = bn.running_mean.view(-1, 1, 1), bn.running_var.view(-1, 1, 1)
    y = (y - mean) / (var + 1e-5).sqrt()
    return torch.relu(y * bn.weight.view(-1, 1, 1) + bn.bias.view(-1, 1, 1))


def close(ours, theirs):
    torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=2e-5)


def test_the_atrous_pyramid_cascades_and_puts_the_global_mean_first(randomised, draw):
    block, x = randomised(AtrousPyramid(20, 8)), draw(2, 20, 9, 13)
    both = cbr(block.split, x)
    a, b = both[:, :8], both[:, 8:]
    a1 = cbr(block.near[0], a, dilation=3)
    a2 = cbr(block.near[1], a1, dilation=3)
    a3 = cbr(block.near[2], a2, dilation=3)
    mean = b.sum((2, 3), keepdim=True) / (9 * 13)
    whole = cbr(block.whole, mean).repeat(1, 1, 9, 13)
    merged = cbr(block.merge[0], torch.cat([whole, a, a1, a2, a3], 1))
    close(block(x), cbr(block.merge[1], merged))


def test_scale_integration_weighs_the_zooms_head_by_head(randomised, draw):
    block = randomised(ScaleIntegration(16))
    block.weigh[2].weight.data *= 64  # weights far from equal
    large, middle, small = draw(2, 16, 18, 12), draw(2, 16, 6, 4), draw(2, 16, 3, 2)
    cells = cbr(block.before_pooling, large).unfold(2, 3, 3).unfold(3, 3, 3)  # whole cells
    pooled = cells.amax((-2, -1)) + cells.mean((-2, -1))
    grown = functional.interpolate(
        cbr(block.before_resizing, small), size=(6, 4), mode="bilinear", align_corners=False
    )
    scales = torch.cat(
        [cbr(block.large, pooled), cbr(block.middle, middle), cbr(block.small, grown)], 1
    )
    compared, content = cbr(block.compare, scales), cbr(block.content, scales)
    expected, shares = [], []
    for head in range(4):
        mine = [slice(16 * zoom + 4 * head, 16 * zoom + 4 * head + 4) for zoom in range(3)]
        x = torch.cat([compared[:, part] for part in mine], 1)
        x = block.weigh[2](cbr(block.weigh[1], cbr(block.weigh[0], x)))
        weights = torch.exp(x) / torch.exp(x).sum(1, keepdim=True)
        shares.append(weights)
        expected.append(sum(weights[:, i : i + 1] * content[:, mine[i]] for i in range(3)))
    close(block(large, middle, small), torch.cat(expected, 1))
    assert torch.stack(shares).std() > 0.1


def plain_difference(block, x):
    """The operator for one clip (T, C, H, W), sum by sum."""
    n_frames, _, height, width = x.shape
    u = x.permute(1, 2, 3, 0)  # (C, H, W, T)
    shifted = torch.stack([u[..., t - 1] for t in range(n_frames)], -1)  # frame 0: the last
    d = shifted - u
    d = (d - d.mean(-1, keepdim=True)) / (d.var(-1, unbiased=False, keepdim=True) + 1e-5).sqrt()
    both = torch.einsum("chwt,st->chws", d, block.to_key_value.weight)
    k, v = both[..., :n_frames], both[..., n_frames:]
    a = torch.einsum("xhwt,yhwt->xyt", d, k) / math.sqrt(height * width)
    a = torch.exp(a) / torch.exp(a).sum(1, keepdim=True)
    o = torch.einsum("xyt,yhwt->xthw", a, v)
    o = torch.relu(functional.conv2d(o, block.mix[0].weight, padding=1))
    return x + functional.conv2d(o, block.mix[2].weight, padding=1).transpose(0, 1)


def test_the_temporal_difference_relates_channels_frame_by_frame(randomised, draw):
    block, x = randomised(TemporalDifference(5)), draw(10, 6, 4, 7)
    expected = torch.cat([plain_difference(block, clip) for clip in (x[:5], x[5:])])
    result = block(x)
    close(result, expected)
    assert (result - x).abs().mean() > 0.1


def test_the_temporal_difference_begins_as_the_identity(draw):
    x = draw(10, 6, 4, 4)
    assert torch.equal(TemporalDifference(5)(x), x)
    unit, still = GroupedUnit(16, operator=TemporalDifference(5)), GroupedUnit(16)
    still.load_state_dict(unit.state_dict(), strict=False)
    x = draw(5, 16, 4, 4)
    assert torch.equal(unit.eval()(x), still.eval()(x))


@pytest.mark.parametrize(("progress", "weight"), [(0, 0), (1 / 3, 1 / 4), (1 / 2, 1 / 2), (1, 1)])
def test_the_loss_is_cross_entropy_and_an_uncertainty_that_counts_more_and_more(
    draw, progress, weight
):
    logits, masks = draw(2, 1, 5, 6), draw(2, 1, 5, 6).sigmoid()
    s = 1 / (1 + torch.exp(-logits))
    bce, ual = zoomnext_loss(logits, masks, progress)
    close(bce, -(masks * s.log() + (1 - masks) * (1 - s).log()).mean())
    close(ual, weight * (1 - (2 * s - 1).abs() ** 2).mean())


def test_the_loss_is_float32_whatever_is_around_it(draw):
    logits, masks = 10 * draw(1, 1, 4, 4), torch.ones(1, 1, 4, 4)
    with torch.autocast("cpu", torch.bfloat16):
        bce, ual = zoomnext_loss(logits.bfloat16(), masks, 0.5)
    assert bce.dtype == ual.dtype == torch.float32
    assert torch.equal(bce, zoomnext_loss(logits.bfloat16().float(), masks, 0.5)[0])


@pytest.fixture
def network(randomised):
    def build(n_frames=2, **kwargs):
        with torch.no_grad():
            return randomised(ZoomNext("pvt_v2_b0", 16, n_frames, **kwargs))

    return build


def zooms(draw, n, height, width):
    large = draw(n, 3, int(1.5 * height), int(1.5 * width)).sigmoid()
    return [
        functional.interpolate(large, size=(int(z * height), int(z * width)), mode="bilinear")
        for z in (0.5, 1.0, 1.5)
    ]


@pytest.mark.parametrize("size", [(64, 96), (67, 101)])
@torch.inference_mode()
def test_logits_have_the_size_of_the_middle_zoom(network, draw, size):
    assert network(1)(*zooms(draw, 1, *size)).shape == (1, 1, *size)


@torch.inference_mode()
def test_every_zoom_has_a_say_in_the_logits(network, draw):
    net, images = network(), zooms(draw, 2, 64, 64)
    logits = net(*images)
    for number in range(3):
        others = list(images)
        others[number] = others[number].flip(-1)
        assert (net(*others) - logits).abs().max() > 1e-3


def test_clips_are_independent_and_frames_of_a_clip_are_not(network, draw):
    net = network()
    for unit in net.rgpu:
        unit.fuse.conv.weight.data *= 32  # the gates hide what is before it
    one, two = zooms(draw, 2, 64, 64), zooms(draw, 2, 64, 64)
    with torch.inference_mode():
        both = net(*(torch.cat(pair) for pair in zip(one, two, strict=True)))
        torch.testing.assert_close(both, torch.cat([net(*one), net(*two)]), atol=1e-4, rtol=1e-4)
        frozen = net(*(zoom[[0, 0]] for zoom in one))
    assert (frozen[0] - both[0]).abs().max() > 1e-3


def test_frames_are_normalised_inside_but_the_state_dict_does_not_know(network, draw):
    images = zooms(draw, 2, 64, 64)
    mean, std = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)
    inside, outside = network(mean=mean, std=std), network(mean=(0.0,) * 3, std=(1.0,) * 3)
    assert not {"mean", "std"} & inside.state_dict().keys()
    m, s = (torch.tensor(each).view(3, 1, 1) for each in (mean, std))
    with torch.inference_mode():
        expected = outside(*((image - m) / s for image in images))
        torch.testing.assert_close(inside(*images), expected, atol=1e-4, rtol=1e-4)


def test_the_image_version_is_the_video_version_without_its_operator(network, draw):
    video, image = network(2), ZoomNext("pvt_v2_b0", 16, 1).eval()
    for unit in video.rgpu:
        unit.operator.mix[2].weight.data.zero_()
    own = {name for name in video.state_dict() if ".operator." in name}
    assert video.state_dict().keys() - image.state_dict().keys() == own
    image.load_state_dict({k: w for k, w in video.state_dict().items() if k not in own})
    images = zooms(draw, 2, 64, 64)
    with torch.inference_mode():
        assert torch.equal(video(*images), image(*images))


def test_a_checkpointed_encoder_has_equal_gradients_and_keeps_less(draw):
    images = zooms(draw, 2, 64, 64)
    gradients, kept_bytes, state = [], [], None
    for checkpoint in (False, True):
        net = ZoomNext("pvt_v2_b0", 16, 2, checkpoint_encoder=checkpoint).train()
        state = state or net.state_dict()
        net.load_state_dict(state)
        kept = 0

        def pack(tensor):
            nonlocal kept
            kept += tensor.nbytes
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            net.encoder(images[1])[3].sum()
        net(*images).square().mean().backward()
        gradients.append({name: weight.grad for name, weight in net.named_parameters()})
        kept_bytes.append(kept)
    assert kept_bytes[1] < kept_bytes[0] / 3
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, msg=name)
