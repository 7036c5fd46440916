"""Every model without a prompt is exported, in small, and predicts the same."""

import pytest
import torch

from fgstp.core.errors import UserError
from fgstp.models.exported.predictor import load_exported
from fgstp.models.exported.writing import export_model
from fgstp.models.registry import create_model
from fgstp.models.zoomnext.network import max_pooled

B0 = {"height_px": 32, "width_px": 64, "encoder": {"name": "pvt_v2_b0"}}
ZOOM = {"height_px": 64, "width_px": 96, "n_frames": 2, "width": 8}
MODELS = {
    "fgstp": ("fgstp", B0),
    "fgstp_causal": ("fgstp", B0 | {"neighbours": "causal"}),
    "fgstp_released": ("fgstp", B0 | {"neighbours": "forward", "variant": "released"}),
    "fgstp_residuals": ("fgstp", B0 | {"input": "residuals"}),
    "fgstp_no_ctc": ("fgstp_no_ctc", B0),
    "fgstp_no_fsp": ("fgstp_no_fsp", B0),
    "fgstp_no_ctc_no_fsp": ("fgstp_no_ctc_no_fsp", B0),
    "slt_net": ("slt_net", B0),
    "sinet_v2": ("sinet_v2", B0 | {"encoder": {}}),
    "sinet_v2_differences": ("sinet_v2", B0 | {"differences": "causal"}),
    "zoomnext": ("zoomnext", B0 | ZOOM),
    "mg": ("mg", {"height_px": 16, "width_px": 24, "width": 8}),
}


def built(name, settings, randomised):
    model = create_model(name, settings)
    with torch.no_grad():
        randomised(model.network)
        if hasattr(model, "triple_network"):
            # Probabilities spread over [0, 1], so that a difference would be seen.
            model.triple_network.fusion[2].weight.mul_(0.2)
    return model.eval()


@pytest.mark.slow
@pytest.mark.parametrize("case", MODELS)
def test_onnx_predicts_the_same(case, randomised, tmp_path, check_equal):
    model = built(*MODELS[case], randomised)
    export_model(model, tmp_path / "model.onnx")
    check_equal(model, load_exported(tmp_path / "model.onnx", threads=1))


@pytest.mark.slow
@pytest.mark.parametrize("case", ["fgstp", "zoomnext", "mg"])
def test_openvino_predicts_the_same(case, randomised, tmp_path, check_equal):
    pytest.importorskip("openvino")
    model = built(*MODELS[case], randomised)
    export_model(model, tmp_path / "model.xml")
    check_equal(model, load_exported(tmp_path / "model.xml", threads=1))


def test_the_long_term_stage_and_raft_are_told(tmp_path):
    settings = B0 | {"long_term": True, "long": {"height_px": 32, "width_px": 32, "n_frames": 2}}
    model = create_model("slt_net", settings)
    model.begin_stage(1)
    with pytest.raises(UserError, match=r"long-term stage of slt_net cannot be exported"):
        export_model(model, tmp_path / "model.onnx")
    flow = {"method": "raft", "weights": tmp_path / "raft.pth"}
    mg = create_model("mg", {"width": 8, "flow": flow}, initial_weights=False)
    with pytest.raises(UserError, match=r"flow of mg by raft cannot be exported"):
        export_model(mg, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("size", "to"), [((12, 18), (8, 12)), ((7, 11), (3, 5)), ((6, 6), (6, 2))])
def test_the_exported_pooling_is_that_of_torch(size, to, monkeypatch):
    x = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0))
    expected = max_pooled(x, to)
    monkeypatch.setattr(torch.compiler, "is_exporting", lambda: True)
    torch.testing.assert_close(max_pooled(x, to), expected, rtol=0, atol=0)
