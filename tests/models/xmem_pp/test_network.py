"""The network of XMem against its equations, written down once more in the plainest way."""

import torch
from torch.nn import functional

from fgstp.models.blocks.encoder import Levels, ResNetSettings
from fgstp.models.xmem_pp.blocks import (
    Attention,
    Fuse,
    GatedUpdate,
    MaskDecoder,
    ResBlock,
    SensoryUpdate,
)
from fgstp.models.xmem_pp.network import Xmem, XmemWidthSettings


def conv(layer, x):
    return functional.conv2d(x, layer.weight, layer.bias, padding=layer.weight.shape[-1] // 2)


def close(ours, theirs):
    torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=2e-5)


def doubled(x):
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def test_a_block_adds_two_convolutions_to_what_comes_in(randomised, draw):
    for n_in in (6, 9):
        block, x = randomised(ResBlock(n_in, 6)), draw(2, n_in, 5, 7)
        y = conv(block.conv2, torch.relu(conv(block.conv1, torch.relu(x))))
        close(block(x), y + (x if n_in == 6 else conv(block.skip, x)))


def test_attention_weighs_channels_and_then_positions(randomised, draw):
    block, x = randomised(Attention(32)), draw(2, 32, 5, 7)
    first, _, second = block.channels
    gate = 0
    for pooled in (x.mean((2, 3)), x.flatten(2).max(2).values):
        hidden = torch.relu(pooled @ first.weight.T + first.bias)
        gate = gate + hidden @ second.weight.T + second.bias
    y = x * (1 / (1 + torch.exp(-gate)))[..., None, None]
    both = torch.stack([y.max(1).values, y.mean(1)], 1)
    close(block(x), y * torch.sigmoid(conv(block.positions, both)))
    assert len(first.weight) == 2  # a sixteenth


def test_fusing_refines_what_attention_adds(randomised, draw):
    block, x, g = randomised(Fuse(9, 16)), draw(2, 4, 5, 7), draw(2, 5, 5, 7)
    r = block.join(torch.cat([x, g], 1))
    close(block(x, g), block.refine(r + block.attention(r)))


def test_a_gated_update_keeps_and_takes_in(randomised, draw):
    block, z, h = randomised(GatedUpdate(4, 3)), draw(2, 4, 5, 7), draw(2, 3, 5, 7)
    y = conv(block.transform, torch.cat([z, h], 1))
    f, u = (1 / (1 + torch.exp(-part)) for part in (y[:, :3], y[:, 3:6]))
    close(block(z, h), f * h * (1 - u) + u * torch.tanh(y[:, 6:]))


def test_the_weights_of_an_update_are_drawn_as_xavier_has_it():
    torch.manual_seed(0)
    weight = GatedUpdate(40, 24).transform.weight
    expected = (2 / (9 * (64 + 72))) ** 0.5
    assert abs(weight.std() / expected - 1) < 0.02


def test_the_decoder_goes_from_coarse_to_fine(randomised, draw):
    decoder = randomised(MaskDecoder([4, 5, 6], n_value=7, n_sensory=3, n_coarse=16, n_fine=8))
    features = Levels(draw(2, 4, 8, 12), draw(2, 5, 4, 6), draw(2, 6, 2, 3))
    readout, sensory = draw(2, 7, 2, 3), draw(2, 3, 2, 3)
    g16 = decoder.fuse(features.f16, torch.cat([readout, sensory], 1))
    g8 = decoder.up_8.refine(doubled(g16) + conv(decoder.up_8.skip, features.f8))
    g4 = decoder.up_4.refine(doubled(g8) + conv(decoder.up_4.skip, features.f4))
    logits = conv(decoder.score, torch.relu(g4))
    enlarged = functional.interpolate(logits, size=(32, 48), mode="bilinear", align_corners=False)

    state, found = decoder(features, readout, sensory, update=True)
    close(found, enlarged)
    close(state, decoder.sensory(Levels(g4, g8, g16), logits, sensory))
    state, found = decoder(features, readout, sensory, update=False)
    close(found, enlarged)
    assert state is sensory


def test_the_state_takes_in_the_maps_of_all_levels(randomised, draw):
    block = randomised(SensoryUpdate(6, 4, 3))
    g16, g8, g4, logits = draw(2, 6, 2, 3), draw(2, 4, 4, 6), draw(2, 4, 8, 12), draw(2, 1, 8, 12)
    sensory = draw(2, 3, 2, 3)

    def shrunk(x, factor):
        return x.unfold(2, factor, factor).unfold(3, factor, factor).mean((-2, -1))

    fine = shrunk(torch.cat([g4, logits], 1), 4)
    z = conv(block.g16, g16) + conv(block.g8, shrunk(g8, 2)) + conv(block.g4, fine)
    close(block(Levels(g4, g8, g16), logits, sensory), block.update(z, sensory))


RESNET18 = ResNetSettings(name="resnet18")
WIDTHS = {"key": 8, "value": 16, "coarse": 16, "fine": 8}


def encoded(network, frames, masks):
    keys = network.encode_key(frames)
    value, sensory = network.encode_value(
        frames, keys.f16, masks, network.no_sensory(keys.f16), deep_update=True
    )
    return keys, value, sensory


def test_keys_begin_orthogonal_and_without_bias():
    torch.manual_seed(0)
    head = Xmem(RESNET18, RESNET18, XmemWidthSettings(**WIDTHS)).key_head
    rows = head.key.weight.detach().flatten(1)
    torch.testing.assert_close(rows @ rows.T, torch.eye(8), atol=1e-5, rtol=0)
    assert head.key.bias.count_nonzero() == 0


def test_shrinkage_and_selection_keep_their_ranges(network, draw):
    keys = network.encode_key(3 * draw(2, 3, 32, 48))
    assert keys.shrinkage.min() >= 1
    assert keys.shrinkage.max() > 1.1
    assert 0 <= keys.selection.min() < keys.selection.max() <= 1
    assert [tuple(x.shape[2:]) for x in keys] == [(2, 3)] * 4 + [(4, 6), (8, 12)]


def test_the_probability_is_a_soft_aggregation_of_gas_and_background(network, draw):
    frames, masks = draw(2, 3, 32, 48), (draw(2, 1, 32, 48) > 0).float()
    with torch.no_grad():
        network.decoder.score.weight.mul_(5.0)
        keys, value, sensory = encoded(network, frames, masks)
        _, logits, prob = network.segment(keys, value, sensory, (32, 48), update=True)
        features = Levels(keys.f4, keys.f8, keys.f16)
        _, logit = network.decoder(features, value, sensory, update=False)
    p = torch.sigmoid(logit.double())
    both = torch.cat([1 - p, p], 1).clamp(1e-7, 1 - 1e-7)
    aggregated = (both / (1 - both)).log()
    assert 1 < logits.abs().max() < 16
    torch.testing.assert_close(logits.double(), aggregated, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(prob, torch.sigmoid(2 * logit), atol=1e-6, rtol=0)
    torch.testing.assert_close(prob.double(), aggregated.softmax(1)[:, 1:], atol=1e-6, rtol=0)


def test_frames_of_any_size_are_padded_by_their_border(network, draw):
    frames, masks = draw(2, 3, 35, 50), (draw(2, 1, 35, 50) > 0).float()
    larger = (0, 14, 0, 13)
    with torch.no_grad():
        keys, value, sensory = encoded(network, frames, masks)
        found = network.segment(keys, value, sensory, (35, 50), update=True)
        padded = (functional.pad(x, larger, mode="replicate") for x in (frames, masks))
        keys, value, sensory = encoded(network, *padded)
        whole = network.segment(keys, value, sensory, (48, 64), update=True)
    assert found.prob.shape == (2, 1, 35, 50)
    torch.testing.assert_close(found.prob, whole.prob[..., :35, :50])
    torch.testing.assert_close(found.sensory, whole.sensory)


def test_the_channel_of_other_objects_is_nothing(network, draw):
    frames, masks = draw(1, 3, 32, 32), (draw(1, 1, 32, 32) > 0).float()
    kernels = network.value_encoder.body.conv1.weight
    assert kernels.shape[1] == 5
    with torch.no_grad():
        _, value, _ = encoded(network, frames, masks)
        _, without, _ = encoded(network, frames, 0 * masks)
        kernels[:, 4] = 99.0
        _, unchanged, _ = encoded(network, frames, masks)
    assert torch.equal(value, unchanged)
    assert (value - without).abs().max() > 1e-3  # the mask itself has a say
