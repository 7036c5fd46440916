import pytest

from fgstp.reporting.notes import protocol_note
from fgstp.scoring import PROTOCOLS

OPERATIONAL, PAPER = PROTOCOLS["operational"].at(90), PROTOCOLS["paper"]


@pytest.mark.parametrize(
    ("protocol", "field", "value", "text"),
    [
        (PAPER, "input", "binary", "binarised"),
        (PAPER, "norm", "none", "as predicted"),
        (PAPER, "empty", "skip", "frames without gas are left out"),
        (PAPER, "empty", "credit", "1 if nothing is predicted"),
        (PAPER, "average", "frame", "over all frames"),
        (OPERATIONAL, "threshold", 77, "77 of 255"),
        (OPERATIONAL, "threshold", None, "chosen for each model"),
        (OPERATIONAL, "drop_given", True, "first frame with gas"),
        (OPERATIONAL, "drop_last_frames", 2, "the last 2 frames"),
        (OPERATIONAL, "alarm_px", 20, "20 pixels"),
        (OPERATIONAL, "score_fraction", 0.05, "highest 5 %"),
    ],
)
def test_every_setting_is_described(protocol, field, value, text):
    assert text in protocol_note(protocol.model_copy(update={field: value}))
    assert text not in protocol_note(protocol)


def test_no_setting_is_forgotten():
    fields = {"input", "norm", "empty", "average", "threshold", "alarm_px", "score_fraction"}
    assert set(type(PAPER).model_fields) == fields | {"name", "drop_given", "drop_last_frames"}


def test_settings_without_effect_on_the_columns_are_left_out():
    note = protocol_note(PAPER)
    assert "threshold is" not in note
    assert "alarm" not in note
    assert "128 of 255" in protocol_note(PROTOCOLS["paper_binary"])
