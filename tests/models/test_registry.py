import pytest
from pydantic import ValidationError

from fgstp.core.errors import UserError
from fgstp.models.base import Model
from fgstp.models.fgstp import FgstpSettings
from fgstp.models.registry import (
    ModelsSettings,
    info_of,
    list_models,
    model_info,
    model_infos,
    model_settings,
)
from fgstp.models.settings import NetworkSettings


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("nothing", {}, "There is no model 'nothing'; choose one of background, mg"),
        ("fgstp", {"variant": "best"}, "fgstp.variant is 'best': input should be 'paper' or"),
        (
            "fgstp",
            {"encoder": {"nme": 1}},
            "nme is 1: there is no such setting (did you mean name?)",
        ),
        ("fgstp_no_ctc", {"ctc": True}, "fgstp_no_ctc has ctc: False; leave that setting out"),
        ("mg", {"flow": {"method": "raft"}}, "mg.flow: weights are needed for raft, and for noth"),
    ],
)
def test_mistakes_are_named_in_a_sentence(name, settings, message):
    with pytest.raises(UserError) as error:
        model_settings(name, settings)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_settings_that_were_checked_serve_the_ablations_too():
    checked = FgstpSettings(encoder={"name": "pvt_v2_b1"}, batch_frames=5)
    settings = model_settings("fgstp_no_ctc", checked)
    assert (settings.ctc, settings.encoder.name, settings.batch_frames) == (False, "pvt_v2_b1", 5)
    with pytest.raises(UserError, match="leave that setting out"):
        model_settings("fgstp", FgstpSettings(ctc=False))


# ------------------------------------------------------------------- all of them


def test_every_model_has_its_name_and_its_block_of_settings():
    models = ModelsSettings()
    assert list(models.root) == list_models() == [info.name for info in model_infos()]
    for info in model_infos():
        block = models.of(info.name)
        assert type(block) is info.model.settings_class
        assert model_settings(info.name, block) == model_settings(info.name, {}) == block
        # Without a network at work, only class and settings decide the name.
        assert info_of(info.model, block) == model_info(info.name) == info
    for name in ("nothing", "of", "model_fields"):
        with pytest.raises(UserError, match=f"There is no model '{name}'; choose one of backg"):
            models.of(name)


def test_models_with_a_network_share_its_settings():
    shared = set(NetworkSettings.model_fields)
    assert shared == {
        *("height_px", "width_px", "normalisation"),
        *("batch_frames", "optimisation"),
    }
    shared -= {"normalisation"}  # of frames, which not every network is shown
    for info in model_infos():
        keys = set(info.model.settings_class.model_fields)
        assert shared <= keys if issubclass(info.model, Model) else not shared & keys


def test_a_block_changes_its_own_model_alone():
    models = ModelsSettings(
        fgstp_no_ctc={"ctc": False, "batch_frames": 3}, background={"history_frames": 7}
    )
    assert models.of("fgstp_no_ctc").batch_frames == 3
    assert models.of("background").history_frames == 7
    assert models.of("fgstp") == FgstpSettings()


@pytest.mark.parametrize(
    ("blocks", "place", "message"),
    [
        ({"fgstp": {"ctc": False}}, "fgstp", "ctc must be true"),
        ({"fgstp_no_fsp": {"fsp": True}}, "fgstp_no_fsp", "fsp must be false"),
        ({"fgstp_no_ctc_no_fsp": {"ctc": True}}, "fgstp_no_ctc_no_fsp", "ctc must be false"),
        ({"fgstp": {"heigth_px": 352}}, "fgstp.heigth_px", "there is no such setting"),
        ({"background": {"height_px": 352}}, "background.height_px", "there is no such setting"),
        ({"fgtsp": {}}, "fgtsp", "there is no such setting"),
    ],
)
def test_wrong_blocks_are_named(blocks, place, message):
    with pytest.raises(ValidationError) as error:
        ModelsSettings.model_validate(blocks)
    [fault] = error.value.errors()
    assert ".".join(str(part) for part in fault["loc"]) == place
    assert message in fault["msg"]
