"""Encoders, and the weights that they start from."""

import re

import pytest
import timm
import torch
from torch import nn
from torch.nn import functional

from fgstp.core.errors import UserError
from fgstp.models.blocks.encoder import PyramidEncoder, ResNetEncoder, ResNetSettings, pvt, res2net
from fgstp.models.blocks.encoder_weights import begin_encoder
from fgstp.models.registry import create_model
from fgstp.models.settings import BackboneSettings

FROZEN = ResNetSettings(name="resnet18", batch_norm="frozen")
R18 = ResNetSettings(name="resnet18")
B0 = {"name": "pvt_v2_b0"}


def norms_of(encoder):
    return [each for each in encoder.modules() if isinstance(each, nn.modules.batchnorm._BatchNorm)]


def test_frozen_statistics_stand_still_from_the_start(draw):
    encoder = ResNetEncoder(FROZEN)  # nobody has called train() yet
    assert encoder.training
    before = {name: each.clone() for name, each in encoder.named_buffers()}
    first = encoder(draw(2, 3, 32, 32))
    encoder.train().eval().train()
    encoder(draw(2, 3, 32, 32))
    assert all(torch.equal(each, before[name]) for name, each in encoder.named_buffers())
    assert first.f16.requires_grad
    assert not any(norm.weight.requires_grad for norm in norms_of(encoder))


def test_statistics_move_by_the_momentum(draw):
    frames = draw(2, 3, 32, 32)
    for momentum in (0.1, 0.02):
        encoder = ResNetEncoder(R18, norm_momentum=momentum)
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


def test_stages_of_a_resnet_may_be_frozen():
    frozen = [
        {n.split(".")[1] for n, w in ResNetEncoder(s).named_parameters() if not w.requires_grad}
        for s in (R18.model_copy(update={"frozen_stages": n}) for n in range(3))
    ]
    assert frozen == [set(), {"conv1", "bn1"}, {"conv1", "bn1", "layer1"}]


def test_the_residual_blocks_of_a_res2net_do_not_begin_as_identities():
    state = res2net().state_dict()
    last = [name for name in state if re.fullmatch(r"layer\d\.\d\.bn3\.weight", name)]
    assert len(last) == 3 + 4 + 6 + 3
    assert all((state[name] == 1).all() for name in last)


# --------------------------------------------------------------- files of weights


@pytest.fixture(scope="module")
def weights():
    """Of a transformer, a Res2Net and a whole ResNet-18, by timm's names."""
    torch.manual_seed(3)
    return {
        "pvt": pvt("pvt_v2_b0", (3, 4, 5)).state_dict(),
        "res2net": res2net().state_dict(),
        "resnet": timm.create_model("resnet18", pretrained=False).state_dict(),
    }


@pytest.fixture
def saved(weights, tmp_path):
    def save(kind, change=dict):
        torch.save(change(weights[kind]), tmp_path / "encoder.pth")
        return tmp_path / "encoder.pth"

    return save


def pvt_own(state):
    """As PVTv2's authors name them."""
    names = {}
    for key, tensor in state.items():
        name = re.sub(r"^patch_embed\.", "patch_embed1.", key)
        name = re.sub(r"^stages_(\d)\.downsample", lambda m: f"patch_embed{int(m[1]) + 1}", name)
        name = re.sub(r"^stages_(\d)\.blocks", lambda m: f"block{int(m[1]) + 1}", name)
        name = re.sub(r"^stages_(\d)\.norm", lambda m: f"norm{int(m[1]) + 1}", name)
        names[name.replace("mlp.dwconv.", "mlp.dwconv.dwconv.")] = tensor
    return names | {"head.weight": torch.zeros(1000, 256), "head.bias": torch.zeros(1000)}


def pvt_timm(state):
    names = {key.replace("stages_", "stages."): tensor for key, tensor in state.items()}
    return names | {"head.weight": torch.zeros(1000, 256)}


def res2net_timm(state):
    return state | {"fc.weight": torch.zeros(1000, 2048), "fc.bias": torch.zeros(1000)}


def within(wrapping, prefix, rest, own=dict):
    """As part of a whole network, which has a weight `rest` too."""

    def form(state):
        names = {f"{prefix}{key}": tensor for key, tensor in own(state).items()}
        return {wrapping: names | {rest: torch.ones(32)}, "model": "a name"}

    return form


PUBLISHED = "state_dict", "module.backbone.feat_net.pvtv2_en.", "module.backbone.feat_net.rfb2_1.b"
FORMS = {
    "pvt": {
        "same": dict,
        "own": pvt_own,
        "timm": pvt_timm,
        "published": within(*PUBLISHED, pvt_own),
        "ours": within("weights", "encoder.pvt.", "fusion.0.bias"),
    },
    "res2net": {
        "same": dict,
        "timm": res2net_timm,
        "published": within("state_dict", "module.resnet.", "module.rfb2_1.b", res2net_timm),
        "ours": within("weights", "encoder.res2net.", "decoder.coarse.head.bias"),
    },
}


@pytest.mark.parametrize(
    ("kind", "form"), [(kind, form) for kind, forms in FORMS.items() for form in forms]
)
def test_an_encoder_starts_from_weights_under_any_of_their_names(weights, saved, kind, form):
    name = {"pvt": "pvt_v2_b0", "res2net": "res2net50d"}[kind]
    target = pvt(name, (3, 4, 5)) if kind == "pvt" else res2net()
    begin_encoder(target, BackboneSettings(name=name, weights=saved(kind, FORMS[kind][form])))
    found = target.state_dict()
    assert found.keys() == weights[kind].keys()
    assert all(torch.equal(found[key], weights[kind][key]) for key in found)


@pytest.mark.parametrize(
    ("name", "kind", "weight"),
    [("fgstp", "pvt", "patch_embed.proj.weight"), ("sinet_v2", "res2net", "conv1.0.weight")],
)
def test_a_model_starts_from_the_weights_of_its_settings(weights, tmp_path, name, kind, weight):
    from safetensors.torch import save_file

    save_file(weights[kind], tmp_path / "encoder.safetensors")
    encoder = (B0 if kind == "pvt" else {}) | {"weights": tmp_path / "encoder.safetensors"}
    for initial_weights in (True, False):
        model = create_model(name, {"encoder": encoder}, initial_weights=initial_weights)
        found = model.network.encoder.backbone.state_dict()[weight]
        assert torch.equal(found, weights[kind][weight]) == initial_weights


def without_counts(state):
    return {key: each for key, each in state.items() if "num_batches" not in key}


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
    encoder, weights = {"name": "resnet18", "weights": saved("resnet", form)}, weights["resnet"]
    widths = {"key": 16, "value": 32, "sensory": 16, "coarse": 32, "fine": 16}
    settings = {"key_encoder": encoder, "value_encoder": encoder, "widths": widths}
    network = create_model("xmem_pp", settings).network
    assert_started_from(network.key_encoder.body, weights)
    assert_started_from(network.value_encoder.body, weights)
    assert network.value_encoder.body.conv1.weight.shape[1] == 5
    network = create_model("xmem_pp", settings, initial_weights=False).network
    assert not torch.equal(network.key_encoder.body.conv1.weight, weights["conv1.weight"])
    rmem = create_model("rmem", {"encoder": encoder, "width": 32, "n_layers": 1})
    assert_started_from(rmem.network.encoder.body, weights)


def test_an_encoder_of_masks_sees_the_frame_at_first_and_learns_masks(saved, draw):
    encoder, plain = ResNetEncoder(R18, n_in=5), ResNetEncoder(R18)
    for each in (encoder, plain):
        begin_encoder(each.body, ResNetSettings(name="resnet18", weights=saved("resnet")))
    frames, masks = draw(1, 3, 32, 32), (draw(1, 2, 32, 32) > 0).float()
    found = encoder.eval()(torch.cat([frames, masks], dim=1)).f16
    torch.testing.assert_close(found, plain.eval()(frames).f16, atol=1e-5, rtol=1e-4)
    found.square().sum().backward()
    assert (encoder.body.conv1.weight.grad[:, 3:].abs().sum((0, 2, 3)) > 0).all()


def without(part):
    return lambda w: {key: tensor for key, tensor in w.items() if part not in key}


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("pvt", lambda w: without("patch_embed1")(pvt_own(w)), "4 tensors are missing"),
        ("pvt", lambda w: w | {"decode_head.weight": torch.zeros(3)}, r"nothing in it \(decode_"),
        ("pvt", lambda w: {"head.bias": torch.zeros(3)}, "holds no encoder; .* of a PVTv2"),
        ("pvt", lambda w: pvt_own(w) | {"norm1.bias": torch.zeros(3)}, "another shape"),
        ("res2net", without("layer4"), "tensors are missing"),
        ("res2net", lambda w: w | {"layer5.weight": torch.zeros(3)}, r"nothing in it \(layer5"),
        ("res2net", lambda w: w | {"head.weight": torch.zeros(3)}, r"nothing in it \(head"),
        ("res2net", lambda w: {"fc.bias": torch.zeros(3)}, "holds no encoder; .* of a Res2Net"),
        ("resnet", without("layer3"), "tensors are missing"),
        ("resnet", lambda w: w | {"layer5.weight": torch.zeros(3)}, r"nothing in it \(layer5"),
        ("resnet", lambda w: w | {"conv1.weight": torch.zeros(64, 1, 7, 7)}, "another shape"),
        ("resnet", lambda w: w | {"conv1.weight": torch.zeros(64, 3)}, "another shape"),
        ("resnet", lambda w: {"fc.bias": torch.zeros(3)}, "holds no encoder; .* of a ResNet"),
    ],
)
def test_weights_that_do_not_fit_are_refused(saved, kind, change, message):
    settings, name, backbones = {
        "pvt": (BackboneSettings, "pvt_v2_b0", [pvt("pvt_v2_b0", (3, 4, 5))]),
        "res2net": (BackboneSettings, "res2net50d", [res2net()]),
        "resnet": (ResNetSettings, "resnet18", [ResNetEncoder(R18, n_in=n).body for n in (3, 5)]),
    }[kind]
    for backbone in backbones:
        with pytest.raises(UserError, match=message):
            begin_encoder(backbone, settings(name=name, weights=saved(kind, change)))


@pytest.mark.parametrize(("name", "side", "stride"), [("pvt_v2_b0", 7, 4), ("res2net50d", 3, 2)])
def test_a_contrast_stem_sees_steps_and_no_level(name, side, stride):
    torch.manual_seed(0)
    backbone = PyramidEncoder(name).backbone
    stem = next(layer for layer in backbone.modules() if isinstance(layer, nn.Conv2d))
    drawn = stem.weight.detach().clone()
    begin_encoder(backbone, BackboneSettings(name=name))
    assert torch.equal(stem.weight, drawn)
    begin_encoder(backbone, BackboneSettings(name=name, stem_contrast_gain=4.0))
    inner = (..., slice(1, -1), slice(1, -1))  # where no padding is seen
    bias = 0 if stem.bias is None else stem.bias.view(1, -1, 1, 1)
    level = torch.full((1, 3, 32, 32), 0.7)
    assert (stem(level) - bias)[inner].abs().max() < 1e-4
    step = level + 0.01 * (torch.arange(32) >= 15)
    # Of the step, what lies above its mean in a kernel's field counts, four times over.
    field = functional.unfold(step, side, padding=side // 2, stride=stride)
    field = field.unflatten(2, (32 // stride, -1))
    centred = field - field.mean(1, keepdim=True)
    expected = 4 * torch.einsum("kp,bphw->bkhw", drawn.flatten(1), centred) + bias
    assert (expected - bias)[inner].abs().max() > 1e-3
    torch.testing.assert_close(stem(step)[inner], expected[inner], atol=1e-5, rtol=1e-4)
