"""The smallest step: one frame of 32 x 32 pixels."""

import pytest

from fgstp.core.errors import UserError
from fgstp.models.registry import create_model, list_models

ONE, SHORT = {"targets_per_step": 1}, {"n_frames": 3}
BLOCKS = {
    "zoomnext": {"height_px": 64, "width_px": 64, "n_frames": 1, "width": 16, "optimisation": ONE},
    "mg": {"width": 16, "flow": {"preset": "fast"}},
    "rmem": {
        "encoder": {"name": "resnet18"},
        "width": 32,
        "training": {"n_frames": 5, "write_every_frames": 1},
    },
    "wisp": {"width": 4, "sequence": {"n_frames": 4, "n_targets": 1}, "optimisation": ONE},
    "xmem_pp": {"key_encoder": {"name": "resnet18"}, "training": SHORT},
}
PVT = ("fgstp", "fgstp_no_ctc", "fgstp_no_fsp", "fgstp_no_ctc_no_fsp", "slt_net", "sinet_v2")
SMALLEST = {"targets_per_step": 1, "window_targets": 1, "epochs": 1, "steps_per_epoch": 1}


@pytest.mark.slow
@pytest.mark.parametrize("name", [*PVT, *BLOCKS])
def test_one_target_a_step_trains_or_is_refused_in_a_sentence(small, run, name):
    encoder = {"encoder": {"name": "pvt_v2_b0"}} if name in PVT or name == "zoomnext" else {}
    block = {"height_px": 32, "width_px": 32, **encoder, **BLOCKS.get(name, {})}
    for seed in (3, 4):
        small.add_blob(9, seed=seed)
    model = create_model(name, block)
    if name in {"fgstp_no_ctc", "fgstp_no_ctc_no_fsp", "sinet_v2", "zoomnext"}:
        with pytest.raises(UserError, match=f"{name} normalises over .*raise targets_per_step"):
            run(model, name, **SMALLEST)
    else:
        assert run(model, name, **SMALLEST).n_epochs == 1


def test_all_models_that_are_trained_are_tried():
    assert {*PVT, *BLOCKS} == set(list_models()) - {"background"}
