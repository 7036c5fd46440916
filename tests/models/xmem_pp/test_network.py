import torch
from torch.nn import functional

from fgstp.models.blocks.encoder import Levels, ResNetSettings
from fgstp.models.xmem_pp.network import Xmem

RESNET18 = ResNetSettings(name="resnet18")


def encoded(network, frames, masks):
    keys = network.encode_key(frames)
    value, sensory = network.encode_value(
        frames, keys.f16, masks, network.no_sensory(keys.f16), deep_update=True
    )
    return keys, value, sensory


def test_keys_begin_orthogonal_and_without_bias():
    torch.manual_seed(0)
    head = Xmem(RESNET18, RESNET18, n_key=8, n_value=16, n_coarse=16, n_fine=8).key_head
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


def test_the_state_stays_as_it_is_when_it_is_told_to(network, draw):
    frames, masks, sensory = draw(1, 3, 32, 32), draw(1, 1, 32, 32), draw(1, 4, 2, 2)
    keys = network.encode_key(frames)
    value, kept = network.encode_value(frames, keys.f16, masks, sensory, deep_update=False)
    assert kept is sensory
    assert network.segment(keys, value, sensory, (32, 32), update=False).sensory is sensory
    _, new = network.encode_value(frames, keys.f16, masks, sensory, deep_update=True)
    torch.testing.assert_close(new, network.deep_update(value, sensory))
