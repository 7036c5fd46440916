import pandas as pd
import pytest

from fgstp.reporting.headline import headline, headline_rows
from fgstp.reporting.scored_footage import ScoredFootage

PLUMES = ScoredFootage.of("synthetic plumes", ["synthetic"])


def test_five_figures_a_model(summaries):
    rows = headline_rows(summaries).set_index("model")
    assert list(rows.index) == ["XMem++ †", "FGSTP without FSP", "FGSTP"]
    assert rows.loc["FGSTP"].tolist() == ["0.450", "0.700", "0.550", "0.950", "12.5"]
    assert rows.loc["XMem++ †"].tolist() == ["0.450", "0.600", "0.350", "–", "25.0"]
    assert [name.split(", ")[1] for name in rows.columns] == ["paper", *["operational"] * 4]


def test_the_text_names_footage_and_protocols_and_its_columns_align(summaries):
    text = headline(summaries, PLUMES)
    lines = text.split("\n")
    title = "Scores on synthetic plumes, synthetic masks; 6 videos, 24 clips, 3,600 frames"
    assert lines[0] == title
    assert "Protocol paper: input=soft norm=minmax" in text
    assert "Protocol operational: input=soft norm=none" in text
    rule = next(line for line in lines if line.startswith("---"))
    table = lines[2:8]
    assert rule in table
    assert {len(line) for line in table} == {len(rule)}
    assert lines[7].split() == ["FGSTP", "0.450", "0.700", "0.550", "0.950", "12.5"]


@pytest.mark.parametrize(("model", "marked"), [("rmem", True), ("fgstp", False)])
def test_the_dagger_has_its_footnote(summary, model, marked):
    assert ("† is given the mask" in headline(summary(model), PLUMES)) is marked


def test_several_trainings_have_their_spread(summary):
    several = {"n_seeds": 3, "spread": 0.0123}
    both = pd.concat(
        [summary("fgstp", iou_mean=0.55, **several), summary("background", iou_mean=0.2)]
    )
    rows = headline_rows(both).set_index("model")
    assert [rows.loc[name].iloc[0] for name in ("FGSTP", "Background subtraction")] == [
        "0.550 ± 0.012",
        "0.200",
    ]
    assert "(FGSTP 3)" in headline(both, PLUMES)
    assert "±" not in headline(summary("fgstp"), PLUMES)


def test_an_oracle_has_its_own_footnote(summary):
    text = headline(summary("mg").assign(needs="all_masks"), PLUMES)
    assert "MG ‡" in text
    assert "‡ is an upper bound" in text
    assert "†" not in text


def test_without_the_operational_protocol_its_figures_are_dashes(summary):
    text = headline(summary("fgstp"), PLUMES)
    assert "FGSTP" in text
    assert text.split("\n")[5].split() == ["FGSTP", "0.500", "–", "–", "–", "–"]
    assert "Protocol operational" not in text
