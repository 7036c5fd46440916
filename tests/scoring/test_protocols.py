import pytest
from pydantic import ValidationError

from fgstp.core.errors import UserError
from fgstp.scoring import OPERATIONAL, PAPER, PROTOCOLS, Protocol, get_protocol


def test_the_two_protocols_are_what_they_are_called():
    assert (
        Protocol(
            name="paper", input="soft", norm="minmax", empty="score", average="video", threshold=128
        )
        == PAPER
    )
    assert (OPERATIONAL.norm, OPERATIONAL.empty, OPERATIONAL.threshold) == ("none", "credit", None)
    assert all(name == protocol.name for name, protocol in PROTOCOLS.items())
    assert len({protocol.tuple for protocol in PROTOCOLS.values()}) == len(PROTOCOLS)


def test_the_tuple_tells_everything():
    assert PAPER.tuple == (
        "input=soft norm=minmax empty=score average=video threshold=128 drop_given=False"
        " drop_last=0 alarm_pixels=1 score_fraction=0.001"
    )
    own = [Protocol(name="x", score_fraction=1 / 3), Protocol(name="x", drop_given=True)]
    for protocol in [*PROTOCOLS.values(), OPERATIONAL.at(17), *own]:
        assert Protocol.parse(protocol.name, protocol.tuple) == protocol


def test_the_tuple_of_nothing_is_the_default():
    assert Protocol.parse("own", "") == Protocol(name="own")


@pytest.mark.parametrize(
    "text", ["input=hard", "colour=blue", "nonsense", "threshold=x", "drop_first=1"]
)
def test_what_is_no_tuple_is_refused_with_the_remedy_for_old_scores(text):
    with pytest.raises(UserError, match=r"is no protocol.*older version.*kedro run --pipelines=e"):
        Protocol.parse("own", text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"input": "hard"},
        {"treshold": 3},
        {"threshold": 256},
        {"drop_last": -1},
        {"alarm_pixels": 0},
        {"score_fraction": 0},
    ],
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValidationError):
        Protocol(name="own", **wrong)


def test_protocols_do_not_change():
    with pytest.raises(ValidationError):
        PAPER.threshold = 3
    with pytest.raises(TypeError):
        PROTOCOLS["mine"] = PAPER


def test_getting_one():
    own = Protocol(name="own", drop_last=2)
    assert get_protocol("paper") is PAPER
    assert get_protocol(own) is own
    assert get_protocol("operational", 40) == OPERATIONAL.at(40)
    with pytest.raises(UserError, match="no protocol 'papers'; there are paper, operational"):
        get_protocol("papers")
    for threshold in (-1, 256, 3.5):
        with pytest.raises(UserError, match="whole number from 0 to 255"):
            get_protocol("operational", threshold)
