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
    ],
)
def test_every_setting_is_described(protocol, field, value, text):
    assert text in protocol_note(protocol.model_copy(update={field: value}))
    assert text not in protocol_note(protocol)


def test_no_setting_is_forgotten():
    fields = {"input", "norm", "empty", "average", "threshold", "alarm_px"}
    others = {"name", "drop_given", "drop_last_frames"}
    assert set(type(PAPER).model_fields) == fields | others


def test_frames_are_ranked_by_the_frame_scores_of_the_model():
    text = "ranked by the model's frame score, by default the mean of the highest 0.1 %"
    assert text in protocol_note(OPERATIONAL)
    assert "ranked" not in protocol_note(PAPER)


def test_settings_without_effect_on_the_columns_are_left_out():
    note = protocol_note(PAPER)
    assert "threshold is" not in note
    assert "alarm" not in note
    assert "128 of 255" in protocol_note(PROTOCOLS["paper_binary"])
