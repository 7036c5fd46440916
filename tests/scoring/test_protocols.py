import pandas as pd
import pytest
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
    ("name", "value"),
    [
        *(("input", "hard"), ("treshold", 3), ("threshold", 256)),
        *(("drop_last_frames", -1), ("alarm_px", 0)),
    ],
)
def test_wrong_settings_are_refused(name, value):
    with pytest.raises(ValidationError):
        ScoringProtocol(name="own", **{name: value})


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
    with pytest.raises(UserError, match=r"no protocol 'papers' \(did you mean paper\?\); there"):
        get_protocol("papers")
    for threshold in (-1, 256, 3.5):
        with pytest.raises(UserError, match="whole number from 0 to 255"):
            get_protocol("operational", threshold)


# ------------------------------------------------------------------ settings of evaluation


def test_every_protocol_may_be_asked_for_and_their_order_stays():
    names = tuple(reversed(PROTOCOLS))
    assert EvaluateSettings(protocols=list(names)).protocols == names


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("protocols", wrong) for wrong in ([], ["paper", "paper"], ["paper", "papers"], "paper")),
        *(("drop_given", "sometimes"), ("drop_first_frames", 1), ("drop_last_frames", -1)),
        *(("accelerator", "tpu"), ("protocol", ["paper"]), ("n_resamples", 0)),
        *(("batch_frames", 0), ("parallel", {"jobs": 0})),
    ],
)
def test_wrong_values_and_unknown_keys_are_named(name, value):
    with pytest.raises(ValidationError) as error:
        EvaluateSettings(**{name: value})
    assert [fault["loc"] for fault in error.value.errors()] == [(name,)]
