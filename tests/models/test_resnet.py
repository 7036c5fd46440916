import pytest
import timm
import torch
from torch import nn

from fgstp.core.errors import UserError
from fgstp.models.blocks.encoder import ResNetEncoder, ResNetSettings
from fgstp.models.blocks.encoder_weights import load_resnet_weights
from fgstp.models.rmem.model import RmemModel, RmemSettings
from fgstp.models.xmem_pp.model import XmemModel, XmemSettings

FROZEN = ResNetSettings(name="resnet18", batch_norm="frozen")


def norms_of(encoder):
    return [each for each in encoder.modules() if isinstance(each, nn.modules.batchnorm._BatchNorm)]


def statistics(encoder):
    return {name: each.clone() for name, each in encoder.named_buffers()}


def test_frozen_statistics_stand_still_from_the_start(draw):
    encoder = ResNetEncoder(FROZEN)  # nobody has called train() yet
    assert encoder.training
    before = statistics(encoder)
    first = encoder(draw(2, 3, 32, 32))
    assert all(torch.equal(each, before[name]) for name, each in encoder.named_buffers())
    encoder.train().eval().train()
    encoder(draw(2, 3, 32, 32))
    assert all(torch.equal(each, before[name]) for name, each in encoder.named_buffers())
    assert first.f16.requires_grad
    assert not any(weight.requires_grad for norm in norms_of(encoder) for weight in [norm.weight])


def test_statistics_move_by_the_momentum(draw):
    frames = draw(2, 3, 32, 32)
    for momentum in (0.1, 0.02):
        encoder = ResNetEncoder(ResNetSettings(name="resnet18"), norm_momentum=momentum)
        encoder(frames)
        mean = encoder.body.conv1(frames).mean((0, 2, 3))
        torch.testing.assert_close(encoder.body.bn1.running_mean, momentum * mean)
        assert {norm.momentum for norm in norms_of(encoder)} == {momentum}


def test_normalisation_over_several_devices_is_frozen_too():
    encoder = nn.SyncBatchNorm.convert_sync_batchnorm(ResNetEncoder(FROZEN))
    encoder.train()
    found = norms_of(encoder)
    assert all(isinstance(norm, nn.SyncBatchNorm) for norm in found)
    assert not any(norm.training for norm in found)


@pytest.fixture(scope="module")
def weights():
    """Of a whole ResNet-18, by its common names."""
    torch.manual_seed(3)
    return timm.create_model("resnet18", pretrained=False).state_dict()


@pytest.fixture
def saved(weights, tmp_path):
    def save(change=dict):
        torch.save(change(weights), tmp_path / "resnet18.pth")
        return tmp_path / "resnet18.pth"

    return save


def without_counts(weights):
    return {key: each for key, each in weights.items() if "num_batches" not in key}


def assert_started_from(body, weights):
    state = body.state_dict()
    assert len([key for key in state if key.startswith("layer")]) > 30
    for name, tensor in state.items():
        if name != "conv1.weight":
            assert torch.equal(tensor, weights[name]), name
    stem = state["conv1.weight"]
    assert torch.equal(stem[:, :3], weights["conv1.weight"])
    assert not stem[:, 3:].any()


@pytest.mark.parametrize("form", [dict, without_counts])
def test_models_with_a_memory_start_from_a_file(saved, weights, form):
    encoder = {"name": "resnet18", "weights": saved(form)}
    widths = {"key": 16, "value": 32, "sensory": 16, "coarse": 32, "fine": 16}
    settings = XmemSettings(key_encoder=encoder, value_encoder=encoder, widths=widths)
    network = XmemModel(settings).network
    assert_started_from(network.key_encoder.body, weights)
    assert_started_from(network.value_encoder.body, weights)
    assert network.value_encoder.body.conv1.weight.shape[1] == 5
    network = XmemModel(settings, initial_weights=False).network
    assert not torch.equal(network.key_encoder.body.conv1.weight, weights["conv1.weight"])
    rmem = RmemModel(RmemSettings(encoder=encoder, width=32, n_layers=1))
    assert_started_from(rmem.network.encoder.body, weights)


def test_an_encoder_of_masks_sees_the_frame_at_first_and_learns_masks(saved, draw):
    encoder = ResNetEncoder(ResNetSettings(name="resnet18"), n_in=5)
    load_resnet_weights(encoder.body, saved())
    plain = ResNetEncoder(ResNetSettings(name="resnet18"))
    load_resnet_weights(plain.body, saved())
    frames, masks = draw(1, 3, 32, 32), (draw(1, 2, 32, 32) > 0).float()
    found = encoder.eval()(torch.cat([frames, masks], dim=1)).f16
    torch.testing.assert_close(found, plain.eval()(frames).f16, atol=1e-5, rtol=1e-4)
    found.square().sum().backward()
    assert (encoder.body.conv1.weight.grad[:, 3:].abs().sum((0, 2, 3)) > 0).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: {k: t for k, t in w.items() if "layer3" not in k}, "tensors are missing"),
        (lambda w: w | {"layer5.weight": torch.zeros(3)}, r"nothing in it \(layer5"),
        (lambda w: w | {"conv1.weight": torch.zeros(64, 1, 7, 7)}, "another shape"),
        (lambda w: w | {"conv1.weight": torch.zeros(64, 3)}, "another shape"),
        (lambda w: {"fc.bias": torch.zeros(3)}, "holds no encoder; .* of a ResNet"),
    ],
)
def test_weights_that_do_not_fit_are_refused(saved, change, message):
    for n_in in (3, 5):
        encoder = ResNetEncoder(ResNetSettings(name="resnet18"), n_in=n_in)
        with pytest.raises(UserError, match=message):
            load_resnet_weights(encoder.body, saved(change))
