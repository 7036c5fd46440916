import pytest
import yaml
from pydantic import ValidationError

from fgstp.scoring import PROTOCOLS
from fgstp.scoring.protocols import EvaluateSettings


def test_every_protocol_may_be_asked_for_and_their_order_stays():
    names = tuple(reversed(PROTOCOLS))
    assert EvaluateSettings(protocols=list(names)).protocols == names


def test_the_base_environment_has_the_values_of_the_code(repository):
    text = (repository / "conf" / "base" / "parameters_evaluate.yml").read_text("utf-8")
    assert EvaluateSettings.model_validate(yaml.safe_load(text)["evaluate"]) == EvaluateSettings()


def test_an_unknown_protocol_is_told_with_the_known_ones():
    with pytest.raises(ValidationError) as error:
        EvaluateSettings(protocols=["paper", "papers"])
    [fault] = error.value.errors()
    assert fault["loc"] == ("protocols",)
    assert "There is no protocol 'papers'; there are paper, operational" in fault["msg"]


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"protocols": []}, ("protocols",)),
        ({"protocols": "paper"}, ("protocols",)),
        ({"drop_given": "sometimes"}, ("drop_given",)),
        ({"drop_first_frames": 1}, ("drop_first_frames",)),
        ({"drop_last_frames": -1}, ("drop_last_frames",)),
        ({"accelerator": "tpu"}, ("accelerator",)),
        ({"protocol": ["paper"]}, ("protocol",)),
        ({"n_resamples": 0}, ("n_resamples",)),
        ({"batch_frames": 0}, ("batch_frames",)),
        ({"parallel": {"jobs": 0}}, ("parallel",)),
    ],
)
def test_wrong_values_and_unknown_keys_are_named(changes, place):
    with pytest.raises(ValidationError) as error:
        EvaluateSettings(**changes)
    assert [fault["loc"] for fault in error.value.errors()] == [place]


def test_values_do_not_change():
    with pytest.raises(ValidationError, match="frozen"):
        EvaluateSettings().drop_given = False
