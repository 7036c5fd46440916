import re

import pytest
import torch
from pydantic import ValidationError
from torch.nn import functional

from fgstp.core.errors import UserError
from fgstp.models.blocks.encoder import PyramidEncoder, res2net
from fgstp.models.blocks.encoder_weights import begin_encoder, load_res2net_weights
from fgstp.models.fgstp import FgstpSettings
from fgstp.models.settings import BackboneSettings
from fgstp.models.sinet_v2 import SinetV2Model, SinetV2Settings


@pytest.fixture(scope="module")
def weights():
    torch.manual_seed(3)
    return res2net().state_dict()


def _timm(weights):
    return weights | {"fc.weight": torch.zeros(1000, 2048), "fc.bias": torch.zeros(1000)}


def _published(weights):
    names = {f"module.resnet.{key}": tensor for key, tensor in _timm(weights).items()}
    return {"state_dict": names | {"module.rfb2_1.conv_cat.bn.bias": torch.ones(32)}}


def _ours(weights):
    names = {f"encoder.res2net.{key}": tensor for key, tensor in weights.items()}
    return {"weights": names | {"decoder.coarse.head.bias": torch.ones(1)}, "model": "sinet_v2"}


@pytest.mark.parametrize("form", [dict, _timm, _published, _ours])
def test_a_model_starts_from_weights_under_any_of_their_names(weights, tmp_path, form):
    torch.save(form(weights), tmp_path / "encoder.pth")
    settings = SinetV2Settings(encoder={"weights": tmp_path / "encoder.pth"})
    found = SinetV2Model(settings).network.encoder.res2net.state_dict()
    assert found.keys() == weights.keys()
    assert all(torch.equal(found[name], weights[name]) for name in weights)
    scratch = SinetV2Model(settings, initial_weights=False).network.encoder.res2net.state_dict()
    assert not torch.equal(scratch["conv1.0.weight"], weights["conv1.0.weight"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: {k: t for k, t in w.items() if "layer4" not in k}, "tensors are missing"),
        (lambda w: w | {"layer5.weight": torch.zeros(3)}, r"nothing in it \(layer5"),
        (lambda w: w | {"head.weight": torch.zeros(3)}, r"nothing in it \(head"),
        (lambda w: {"fc.bias": torch.zeros(3)}, "holds no encoder; .* of a Res2Net"),
        (lambda w: w | {"bn1.bias": torch.zeros(3)}, "another shape"),
    ],
)
def test_weights_that_do_not_fit_are_refused(weights, tmp_path, change, message):
    torch.save(change(weights), tmp_path / "encoder.pth")
    with pytest.raises(UserError, match=message):
        load_res2net_weights(res2net(), tmp_path / "encoder.pth")


def test_a_contrast_stem_sees_steps_and_no_level():
    torch.manual_seed(0)
    encoder = PyramidEncoder("res2net50d")
    stem = encoder.backbone.conv1[0]
    drawn = stem.weight.detach().clone()
    begin_encoder(encoder.backbone, BackboneSettings(stem_contrast_gain=4.0))
    inner = (..., slice(1, -1), slice(1, -1))  # where no padding is seen
    level = torch.full((1, 3, 32, 32), 0.7)
    assert stem(level)[inner].abs().max() < 1e-5
    step = level + 0.01 * (torch.arange(32) >= 15)
    field = functional.unfold(step, 3, padding=1, stride=2).view(1, 27, 16, 16)
    centred = field - field.mean(1, keepdim=True)
    expected = 4 * torch.einsum("kp,bphw->bkhw", drawn.flatten(1), centred)
    assert expected[inner].abs().max() > 1e-3
    torch.testing.assert_close(stem(step)[inner], expected[inner], atol=1e-5, rtol=1e-4)


def test_the_residual_blocks_do_not_begin_as_identities():
    last = [n for n in res2net().state_dict() if re.fullmatch(r"layer\d\.\d\.bn3\.weight", n)]
    assert len(last) == 3 + 4 + 6 + 3
    state = res2net().state_dict()
    assert all((state[name] == 1).all() for name in last)


@pytest.mark.parametrize("wrong", [{"name": "resnet50"}, {"drop_path": 0.1}])
def test_only_what_a_backbone_has_can_be_set(wrong):
    with pytest.raises(ValidationError):
        SinetV2Settings(encoder=wrong)
    with pytest.raises(ValidationError):
        SinetV2Settings(encoder={"weights": "a.pth", "stem_contrast_gain": 4.0})
    with pytest.raises(ValidationError):
        FgstpSettings(encoder={"name": "res2net50d"})
