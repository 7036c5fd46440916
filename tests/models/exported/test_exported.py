"""Exported models predict what those of torch do, and nothing else is taken for one."""

import json
import math
import subprocess
import sys

import numpy as np
import onnx
import pytest
import torch
from click.testing import CliRunner
from torch.nn import functional

from fgstp import load_model
from fgstp.cli import main
from fgstp.core.errors import UserError
from fgstp.models.checkpoint import save_checkpoint
from fgstp.models.exported.facts import KEY
from fgstp.models.exported.predictor import load_exported
from fgstp.models.exported.sessions import Resize
from fgstp.models.exported.writing import export_model
from fgstp.models.registry import create_model
from fgstp.models.shipped_files import list_shipped, read_card
from fgstp.plumes import SyntheticVideo
from fgstp.plumes.render import render

WISP = {"height_px": 24, "width_px": 32, "width": 4}
R18 = {"name": "resnet18"}


def wisp():
    torch.manual_seed(1)
    model = create_model("wisp", WISP).eval()
    model.frame_threshold = 0.25
    with torch.no_grad():
        model.network.head.weight.mul_(5)
    return model


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A small untrained WISP, and its file."""
    model, path = wisp(), tmp_path_factory.mktemp("exported") / "wisp.onnx"
    assert export_model(model, path) < 1e-4
    return model, path


def changed(path, out, **facts):
    """A copy of a file with other facts."""
    graph = onnx.load(path)
    values = json.loads(graph.metadata_props[0].value) | facts
    graph.metadata_props[0].value = json.dumps(values)
    onnx.save(graph, out)
    return out


# ------------------------------------------------------------------------------ equality


def test_wisp_predicts_the_same(written, check_equal):
    model, path = written
    check_equal(model, load_model(path))


@pytest.mark.parametrize("neighbours", ["centred", "forward", "causal"])
def test_features_of_neighbours_are_remembered(pair_model, neighbours, tmp_path, check_equal):
    model = pair_model(neighbours)
    export_model(model, tmp_path / "pair.onnx")
    other = load_exported(tmp_path / "pair.onnx", threads=1)
    check_equal(model, other)
    assert other.delay_frames == model.delay_frames
    assert other.context_s(10.0) == model.context_s(10.0)
    assert other.offsets_frames == model.offsets_frames


def test_facts_on_another_graph_are_no_model(written, tmp_path):
    _, path = written
    kind = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "ab"]
    nodes = [onnx.helper.make_node("Identity", ["a"], ["b"])]
    graph = onnx.helper.make_graph(nodes, "another", kind[:1], kind[1:])
    versions = [onnx.helper.make_opsetid("", 17)]
    other = onnx.helper.make_model(graph, ir_version=8, opset_imports=versions)
    other.metadata_props.extend(onnx.load(path).metadata_props)
    onnx.save(other, tmp_path / "other.onnx")
    with pytest.raises(UserError, match="damaged or of another kind"):
        load_exported(tmp_path / "other.onnx")


def test_openvino_predicts_the_same(pair_model, tmp_path, check_equal):
    pytest.importorskip("openvino")
    model = pair_model("centred")
    export_model(model, tmp_path / "pair.xml")
    check_equal(model, load_exported(tmp_path / "pair.xml", threads=1))


def test_frames_that_are_context_alone_change_nothing_but_the_time(written, footage):
    model, path = written
    other, frames = load_model(path), footage(12)
    found = other.predict(frames, n_context=8)
    np.testing.assert_allclose(found, model.predict(frames, n_context=8), atol=1e-4)
    np.testing.assert_allclose(found, other.predict(frames)[8:], atol=1e-6)


@pytest.mark.parametrize("size", [(40, 56), (22, 34), (11, 100), (64, 20)])
def test_frames_are_resized_as_torch_does(size):
    frame = np.random.default_rng(0).integers(0, 256, (40, 56)).astype(np.uint8)
    grey = torch.from_numpy(frame)[None, None].float() / 255
    expected = functional.interpolate(grey, size, mode="bilinear", antialias=True)[0, 0]
    np.testing.assert_allclose(Resize((40, 56), size)(frame), expected, atol=1e-6)


# --------------------------------------------------------------------------------- facts


def test_the_file_tells_what_it_holds(written):
    model, path = written
    other = load_exported(path)
    assert (other.name, other.prompt_kind, other.frame_threshold) == ("wisp", "none", 0.25)
    assert other.settings == model.settings.model_dump(mode="json")
    assert math.isinf(other.context_s(15.0))


def test_the_fingerprint_is_the_hash_of_the_file_of_the_weights(tmp_path):
    name = list_shipped()[-1]
    export_model(load_model(name), tmp_path / "shipped.onnx")
    fingerprint = load_exported(tmp_path / "shipped.onnx").facts.fingerprint
    assert fingerprint == read_card(name).sha256


# --------------------------------------------------------------------------- without torch

WITHOUT = """
import sys

sys.modules |= dict.fromkeys({blocked!r})  # None there is what cannot be imported
from fgstp.cli import main

main({arguments!r})
"""
BLOCKED = ["torch", "torchvision", "timm", "lightning", "kedro", "mlflow", "dvc", "pandas"]
BLOCKED += ["scipy", "pyarrow", "safetensors", "onnx", "onnxscript"]


def test_an_exported_model_detects_without_torch(written, tmp_path):
    video = SyntheticVideo("close_clear", 3, n_frames=40, fps_hz=5.0, height_px=60, width_px=80)
    render(video, tmp_path / "leak.mkv")
    arguments = ["detect", "leak.mkv", "--model", str(written[1])]
    code = WITHOUT.format(blocked=BLOCKED, arguments=arguments)
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("leak.mkv: ")
    assert (tmp_path / "runs/detect/leak/events.csv").is_file()


# -------------------------------------------------------------------------------- mistakes


def test_other_and_damaged_files_are_refused(written, tmp_path):
    _, path = written
    graph = onnx.load(path)
    del graph.metadata_props[:]
    onnx.save(graph, tmp_path / "other.onnx")
    (tmp_path / "cut.onnx").write_bytes(path.read_bytes()[:-1000])
    (tmp_path / "empty.onnx").touch()
    (tmp_path / "text.xml").write_text("<html></html>")
    changed(path, tmp_path / "newer.onnx", version=2)
    changed(path, tmp_path / "odd.onnx", version="one")
    changed(path, tmp_path / "unknown.onnx", colour="red")
    messages = {
        "other.onnx": "was not exported by this project",
        "cut.onnx": "is damaged or of another kind",
        "empty.onnx": "is damaged or of another kind",
        "odd.onnx": "is damaged or of another kind",
        "unknown.onnx": "is damaged or of another kind",
        "newer.onnx": "was exported by a newer version of fgstp",
        "nowhere.onnx": "There is no file",
    }
    for name, message in messages.items():
        with pytest.raises(UserError, match=rf"{name}.*\.$") as told:
            load_model(tmp_path / name)
        assert message in str(told.value)
        assert "\n" not in str(told.value)


def test_a_damaged_file_of_openvino_is_refused(tmp_path):
    pytest.importorskip("openvino")
    export_model(wisp(), tmp_path / "wisp.xml")
    (tmp_path / "text.xml").write_text("<html></html>")
    weights = tmp_path / "wisp.bin"
    weights.write_bytes(weights.read_bytes()[:-1000])
    for name in ("text.xml", "wisp.xml"):
        with pytest.raises(UserError, match="is damaged or of another kind"):
            load_model(tmp_path / name)
    weights.unlink()
    with pytest.raises(UserError, match="is damaged or of another kind"):
        load_model(tmp_path / "wisp.xml")


def test_another_model_and_another_device_are_refused(written):
    _, path = written
    with pytest.raises(UserError, match=r"was exported from wisp, not from fgstp"):
        load_model(path, model="fgstp")
    with pytest.raises(UserError, match=r"runs on the CPU"):
        load_model(path, device="cuda")


UNFIT = {
    "prompt": ("rmem", {"encoder": R18, "width": 32, "n_layers": 2}, "given a mask of the gas"),
    "oracle": ("mg", {"width": 8, "slot_choice": "oracle"}, "given a mask of the gas"),
    "classical": ("background", {}, "no network that can be exported"),
}


@pytest.mark.parametrize("case", UNFIT)
def test_what_cannot_be_exported_is_told_and_nothing_is_written(case, tmp_path):
    name, settings, message = UNFIT[case]
    model = create_model(name, {"height_px": 32, "width_px": 32} | settings if settings else {})
    with pytest.raises(UserError, match=message):
        export_model(model, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


@pytest.fixture
def checkpoint(tmp_path):
    save_checkpoint(wisp(), tmp_path / "best.ckpt")
    return tmp_path / "best.ckpt"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--height", "8"], "wisp.height_px is 8: input should be greater than or equal to 16"),
        (["--out", "wisp.xml"], "let --out end in .onnx"),
        (["--format", "openvino", "--out", "wisp.onnx"], "let --out end in .xml"),
        (["--model", "nowhere.ckpt"], "There is no file nowhere.ckpt"),
    ],
)
def test_mistakes_of_the_command_are_told(checkpoint, arguments, message, monkeypatch):
    monkeypatch.chdir(checkpoint.parent)
    result = CliRunner().invoke(main, ["export", "--model", "best.ckpt", *arguments])
    assert result.exit_code == 1
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert [path.name for path in checkpoint.parent.iterdir()] == ["best.ckpt"]


def test_the_command_exports_at_another_size(checkpoint, monkeypatch):
    monkeypatch.chdir(checkpoint.parent)
    size = ["--height", "20", "--width", "40"]
    result = CliRunner().invoke(main, ["export", "--model", "best.ckpt", *size])
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("wisp.onnx holds wisp, at most ")
    other = load_exported(checkpoint.parent / "wisp.onnx")
    assert (other.settings["height_px"], other.settings["width_px"]) == (20, 40)
    assert other.graph.shapes == [(1, 10, 20, 40)]
    assert KEY == "fgstp"
