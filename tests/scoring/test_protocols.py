import pandas as pd
import pytest
import yaml
from pydantic import ValidationError

from fgstp.core.errors import UserError
from fgstp.scoring import OPERATIONAL, PAPER, PROTOCOLS, ScoringProtocol, get_protocol
from fgstp.scoring.protocols import EvaluateSettings


def test_the_named_protocols():
    settings = {"input": "soft", "norm": "minmax", "empty": "score", "average": "video"}
    assert ScoringProtocol(name="paper", **settings, threshold=128) == PAPER
    assert (OPERATIONAL.norm, OPERATIONAL.empty, OPERATIONAL.threshold) == ("none", "credit", None)
    assert all(name == protocol.name for name, protocol in PROTOCOLS.items())
    assert len({str(protocol.settings) for protocol in PROTOCOLS.values()}) == len(PROTOCOLS)


@pytest.mark.parametrize("form", ["memory", "csv", "parquet"])
def test_a_protocol_is_read_from_a_row_of_a_table(tmp_path, form):
    own = [ScoringProtocol(name="x", alarm_px=7), ScoringProtocol(name="NA", drop_given=True)]
    protocols = [each for each in (*PROTOCOLS.values(), *own) if each.threshold is not None]
    rows = pd.DataFrame([{"iou": 0.5, **protocol.columns} for protocol in protocols])
    if form == "csv":
        rows.to_csv(tmp_path / "rows.csv", index=False)
        rows = pd.read_csv(tmp_path / "rows.csv", keep_default_na=False)
    elif form == "parquet":
        rows.to_parquet(tmp_path / "rows.parquet")
        rows = pd.read_parquet(tmp_path / "rows.parquet")
    assert [ScoringProtocol.of_row(row) for _, row in rows.iterrows()] == protocols


def test_a_row_of_no_protocol_is_refused_with_the_remedy():
    row = PAPER.columns | {"norm": "best"}
    with pytest.raises(UserError, match=r"paper\.norm is 'best'.*kedro run --pipelines=evaluate"):
        ScoringProtocol.of_row(row)


@pytest.mark.parametrize(
    "wrong",
    [
        {"input": "hard"},
        {"treshold": 3},
        {"threshold": 256},
        {"drop_last_frames": -1},
        {"alarm_px": 0},
    ],
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValidationError):
        ScoringProtocol(name="own", **wrong)


def test_protocols_do_not_change():
    with pytest.raises(ValidationError):
        PAPER.threshold = 3
    with pytest.raises(TypeError):
        PROTOCOLS["mine"] = PAPER


def test_getting_one():
    own = ScoringProtocol(name="own", drop_last_frames=2)
    assert get_protocol("paper") is PAPER
    assert get_protocol(own) is own
    assert get_protocol("operational", 40) == OPERATIONAL.at(40)
    with pytest.raises(UserError, match="no protocol 'papers'; there are paper, operational"):
        get_protocol("papers")
    for threshold in (-1, 256, 3.5):
        with pytest.raises(UserError, match="whole number from 0 to 255"):
            get_protocol("operational", threshold)


# ------------------------------------------------------------------ settings of evaluation


def test_every_protocol_may_be_asked_for_and_their_order_stays():
    names = tuple(reversed(PROTOCOLS))
    assert EvaluateSettings(protocols=list(names)).protocols == names


def test_the_base_environment_has_the_values_of_the_code(repository):
    text = (repository / "conf" / "base" / "parameters_evaluate.yml").read_text("utf-8")
    assert EvaluateSettings.model_validate(yaml.safe_load(text)["evaluate"]) == EvaluateSettings()


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"protocols": []}, ("protocols",)),
        ({"protocols": ["paper", "paper"]}, ("protocols",)),
        ({"protocols": ["paper", "papers"]}, ("protocols",)),
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
