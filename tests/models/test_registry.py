import pytest
import torch

from fgstp.errors import UserError
from fgstp.models.fgstp import FgstpSettings, FgstpSystem
from fgstp.models.registry import SYSTEMS, build_system, system_settings


@pytest.mark.parametrize(
    ("name", "ctc", "fsp"),
    [
        ("fgstp", True, True),
        ("fgstp_no_ctc", False, True),
        ("fgstp_no_fsp", True, False),
        ("fgstp_no_ctc_no_fsp", False, False),
    ],
)
def test_every_name_builds_its_network(name, ctc, fsp):
    system = build_system(name, {"encoder": {"name": "pvt_v2_b0"}})
    assert type(system) is FgstpSystem
    assert system.name == name
    assert (system.settings.ctc, system.settings.fsp) == (ctc, fsp)
    assert (system.network.ctc is None, system.network.fsp is None) == (not ctc, not fsp)
    assert name in SYSTEMS


def test_networks_are_drawn_by_torchs_generator():
    weights = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        system = build_system("fgstp", {"encoder": {"name": "pvt_v2_b0"}})
        weights.append(torch.cat([p.detach().flatten() for p in system.network.parameters()]))
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("nothing", {}, "There is no system 'nothing'; choose one of fgstp, fgstp_no_ctc"),
        ("fgstp", {"variant": "best"}, "fgstp.variant is 'best': input should be 'paper' or"),
        ("fgstp", {"encoder": {"nme": 1}}, "fgstp.encoder.nme is 1: extra inputs are not"),
        ("fgstp_no_ctc", {"ctc": True}, "fgstp_no_ctc has ctc: False; leave that setting out"),
        ("fgstp", {"fsp": False}, "fgstp has fsp: True"),
    ],
)
def test_mistakes_are_told_in_a_sentence(name, settings, message):
    with pytest.raises(UserError) as error:
        system_settings(name, settings)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_settings_that_were_checked_serve_the_ablations_too():
    checked = FgstpSettings(encoder={"name": "pvt_v2_b1"}, batch_frames=5)
    settings = system_settings("fgstp_no_ctc", checked)
    assert (settings.ctc, settings.encoder.name, settings.batch_frames) == (False, "pvt_v2_b1", 5)
    with pytest.raises(UserError, match="leave that setting out"):
        system_settings("fgstp", FgstpSettings(ctc=False))
