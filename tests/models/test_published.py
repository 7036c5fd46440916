import re

import pytest
import torch
from click.testing import CliRunner

from fgstp.cli import main
from fgstp.core.config import parsed_settings
from fgstp.core.errors import UserError
from fgstp.inference.trainings import given_training
from fgstp.models.checkpoint import load_model
from fgstp.models.fgstp import Fgstp
from fgstp.models.published import fgstp_rules, import_published
from fgstp.models.registry import create_model, model_info, model_infos
from fgstp.models.state_dicts import renamed

# Blocks of each stage of b0; the published file holds b5, which has more of them.
DEPTHS_B0 = (2, 2, 2, 2)
ALIASES = [("ctc.", "nlnet."), ("fsp", "rgpu"), ("backbone.encoder.", "backbone.feat_net.")]


@pytest.fixture(scope="module")
def published(golden):
    """A state dict with the published names and the shapes of b0, filled with numbers."""
    network = Fgstp("pvt_v2_b0", "released")
    keys = [key for key in golden("fgstp").shapes() if _in_b0(key)]
    places = {key: next(iter(renamed({key: torch.zeros(0)}, fgstp_rules())[0])) for key in keys}
    generator = torch.Generator().manual_seed(0)
    return {
        key: torch.rand(network.state_dict()[place].shape, generator=generator)
        for key, place in places.items()
    }


def _in_b0(key):
    block = re.search(r"pvtv2_en\.block(\d)\.(\d+)\.", key)
    return block is None or int(block[2]) < DEPTHS_B0[int(block[1]) - 1]


def _run(folder, *, weights, arguments=(), out="out.ckpt"):
    torch.save(weights, folder / "in.pth")
    paths = [str(folder / "in.pth"), str(folder / out)]
    command = ["weights", "import", "--model", "fgstp", "--setting", "encoder.name=pvt_v2_b0"]
    return CliRunner().invoke(main, [*command, *arguments, *paths])


TABLES = [
    ("fgstp", "fgstp", {}),
    ("fgstp", "fgstp", {"variant": "paper"}),
    ("mg", "mg", {}),
    ("rmem", "rmem_aotl", {}),
    ("rmem", "rmem_deaotl", {"base": "deaotl"}),
    ("sinet_v2", "sinet_v2", {}),
    ("slt_net", "slt_short", {}),
    ("xmem_pp", "xmem", {}),
    ("zoomnext", "zoomnext_video", {}),
    ("zoomnext", "zoomnext_image", {"n_frames": 1}),
]


@pytest.mark.parametrize(("model", "table", "settings"), TABLES)
def test_every_weight_of_a_published_network_finds_its_place(golden, model, table, settings):
    published = model_info(model).published(settings)
    with torch.device("meta"):
        network = create_model(model, {**published.settings, **settings}).network
        weights = {key: torch.empty(shape) for key, shape in golden(table).shapes().items()}
        found = published.weights_for(network, weights, "the key table")
        assert found.keys() == network.state_dict().keys()
        first = next(iter(weights))
        with pytest.raises(UserError, match="the key table: 1 tensor is missing"):
            without = {key: each for key, each in weights.items() if key != first}
            published.weights_for(network, without, "the key table")
        with pytest.raises(UserError, match=r"1 key belongs to nothing in it \(more\)"):
            published.weights_for(network, weights | {"more": torch.empty(1)}, "the key table")


def test_the_registry_knows_whose_weights_are_published(tmp_path):
    importable = {info.name for info in model_infos() if info.published}
    assert importable == {model for model, _, _ in TABLES}
    with pytest.raises(UserError, match="choose one of mg, sinet_v2"):
        import_published(tmp_path / "a.pth", "background")


def test_settings_may_be_nested():
    pairs = {"encoder.name": "pvt_v2_b0", "n_frames": 1, "encoder.drop_path": 0.1}
    encoder = {"name": "pvt_v2_b0", "drop_path": 0.1}
    assert parsed_settings(pairs) == {"encoder": encoder, "n_frames": 1}


@pytest.mark.parametrize(
    "pairs",
    [
        {"encoder": "b0", "encoder.name": "b0"},
        {"encoder.name": "b0", "encoder": "b0"},
        {"encoder.name": "b0", "encoder": {"drop_path": 0.1}},
        {"encoder": {"name": "b0"}, "encoder.name": "b1"},
    ],
)
def test_no_setting_is_lost_to_another_one(pairs):
    with pytest.raises(UserError, match=list(pairs)[-1]):
        parsed_settings(pairs)


@pytest.mark.parametrize("setting", ["encoder.name", "=3"])
def test_a_setting_without_key_or_value_is_refused(published, tmp_path, setting):
    result = _run(tmp_path, weights=published, arguments=["--setting", setting])
    assert result.exit_code == 1
    assert f"--setting {setting} " in result.output


def test_import_makes_a_checkpoint_that_predicts(published, tmp_path, clip):
    result = _run(tmp_path, weights=published)
    assert result.exit_code == 0, result.output
    assert {path.name for path in tmp_path.iterdir()} == {"in.pth", "out.ckpt"}  # no record
    model = load_model(tmp_path / "out.ckpt")
    assert (model.name, model.settings.variant) == ("fgstp", "released")
    assert model.settings.neighbours == "forward"  # as the weights were trained
    state = model.network.state_dict()
    pvt = "backbone.encoder.pvtv2_en"
    for theirs, ours in {
        f"{pvt}.block3.1.mlp.dwconv.dwconv.bias": "encoder.pvt.stages_2.blocks.1.mlp.dwconv.bias",
        f"{pvt}.norm2.bias": "encoder.pvt.stages_1.norm.bias",
        f"{pvt}.patch_embed4.norm.bias": "encoder.pvt.stages_3.downsample.norm.bias",
        "backbone.encoder.rfb4_1.branch2.3.conv.weight": "encoder.reduce.2.paths.2.3.conv.weight",
        "backbone.decoder.NCD.conv4.bn.running_mean": "decoder.coarse.k.7.bn.running_mean",
        "backbone.decoder.RS4.medium_gra.conv.0.bias": "decoder.stage_4.steps.1.conv.bias",
        "ctc.nl_layer3.nonlocals.0.W.bias": "ctc.levels.2.project.bias",
        "fsp2.gate_genator.3.weight": "fsp.1.gate.3.weight",
        "fusion_conv.1.weight": "fusion.1.weight",
    }.items():
        assert torch.equal(state[ours], published[theirs])
    assert model.predict(clip()).shape == clip().shape


def test_nothing_but_the_checkpoint_is_written(published, tmp_path):
    arguments, folder = ["--variant", "paper"], tmp_path / "fgstp/seed_1"
    out = "fgstp/seed_1/best.ckpt"
    assert _run(tmp_path, weights=published, arguments=arguments, out=out).exit_code == 0
    model = load_model(folder / "best.ckpt")
    assert model.settings.variant == "paper"
    assert model.frame_threshold is None
    assert {path.name for path in folder.iterdir()} == {"best.ckpt"}
    [training] = given_training(folder / "best.ckpt", "fgstp").values()
    assert (training.number, training.seed) == (1, None)


@pytest.mark.parametrize("wrapping", [None, "state_dict", "model", "model_state_dict"])
def test_other_names_of_the_same_parts_are_known(published, tmp_path, wrapping):
    aliased = {}
    for key, tensor in published.items():
        name = key
        for ours, theirs in ALIASES:
            name = theirs + name.removeprefix(ours) if name.startswith(ours) else name
        aliased[f"module.{name}"] = tensor
    assert sum(key.startswith(("module.nlnet", "module.rgpu")) for key in aliased) > 100
    torch.save({wrapping: aliased, "epoch": 3} if wrapping else aliased, tmp_path / "in.pth")
    torch.save(published, tmp_path / "plain.pth")
    b0 = {"encoder": {"name": "pvt_v2_b0"}}
    models = (import_published(tmp_path / name, "fgstp", b0) for name in ("in.pth", "plain.pth"))
    one, other = (model.network.state_dict() for model in models)
    assert all(torch.equal(one[name], other[name]) for name in other)


def _without(weights, *starts):
    return {key: tensor for key, tensor in weights.items() if not key.startswith(starts)}


FSP = (f"fsp.0.expand.{name}" for name in ("conv.weight", "bn.weight", "bn.bias"))
NOTHING = "1 key belongs to nothing in it "
SHAPE = "1 tensor has another shape (fusion.2.bias is 3 instead of 1)"


def _with(key, n):
    return lambda weights: weights | {key: torch.zeros(n)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: _without(w, "fsp"), f"tensors are missing ({', '.join(FSP)}, ...)"),
        (_with("text.proj", 1), NOTHING + "(text.proj)"),
        (_with("nlnet.conv1.bn.bias", 32), NOTHING + "(nlnet.conv1.bn.bias)"),  # of ctc.conv1 too
        (_with("fusion_conv.2.bias", 3), SHAPE),
        (lambda w: [w], "holds no state dict"),
        (lambda w: {}, "holds no state dict"),
    ],
)
def test_weights_that_do_not_fit_are_refused_and_nothing_is_written(
    published, tmp_path, change, message
):
    result = _run(tmp_path, weights=change(published))
    assert result.exit_code == 1
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out.ckpt").exists()
