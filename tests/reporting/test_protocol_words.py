import pytest

from fgstp.reporting.protocol_words import in_words
from fgstp.scoring import HONEST, PAPER


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("input", "binary", "binary maps are scored"),
        ("norm", "none", "Probabilities are taken as they are"),
        ("empty", "skip", "without gas are left out"),
        ("empty", "credit", "1 if nothing is predicted"),
        ("average", "frame", "over all frames alike"),
        ("threshold", 77, "level 77 of 255"),
        ("drop_given", True, "left out of each clip: the first with gas, because some models"),
        ("drop_last", 2, "left out of each clip: the last 2."),
        ("alarm_pixels", 20, "from 20 predicted pixels"),
        ("score_fraction", 0.05, "highest 5 %"),
    ],
)
def test_every_setting_is_told(field, value, told):
    changed = PAPER.model_copy(update={field: value})
    assert told in in_words(changed)
    assert told not in in_words(PAPER)


def test_all_frames_that_are_left_out_are_told_together():
    words = in_words(PAPER.model_copy(update={"drop_given": True, "drop_last": 2}))
    assert words.endswith("some models are given its mask; the last 2.")


def test_no_setting_is_forgotten():
    fields = {"input", "norm", "empty", "average", "threshold", "alarm_pixels", "score_fraction"}
    assert set(type(PAPER).model_fields) == fields | {"name", "drop_given", "drop_last"}


def test_a_threshold_of_its_own_for_each_model():
    own = "Each model has its own threshold"
    assert own in in_words(HONEST)
    assert own in in_words(HONEST.at(90), own_thresholds=True)
    assert own not in in_words(HONEST.at(90))
