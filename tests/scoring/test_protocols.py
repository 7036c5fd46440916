import pandas as pd
import pytest
from pydantic import ValidationError

from fgstp.core.errors import UserError
from fgstp.scoring import OPERATIONAL, PAPER, PROTOCOLS, ScoringProtocol, get_protocol


def test_the_two_protocols_are_what_they_are_called():
    assert (
        ScoringProtocol(
            name="paper", input="soft", norm="minmax", empty="score", average="video", threshold=128
        )
        == PAPER
    )
    assert (OPERATIONAL.norm, OPERATIONAL.empty, OPERATIONAL.threshold) == ("none", "credit", None)
    assert all(name == protocol.name for name, protocol in PROTOCOLS.items())
    assert len({str(protocol.settings) for protocol in PROTOCOLS.values()}) == len(PROTOCOLS)


@pytest.mark.parametrize("form", ["memory", "csv", "parquet"])
def test_a_row_of_a_table_tells_everything(tmp_path, form):
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
    assert [ScoringProtocol.of_row(rows.iloc[n]) for n in range(len(rows))] == protocols


def test_a_row_that_tells_no_protocol_is_refused_with_the_remedy():
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
