import math

import pandas as pd
import pytest

from fgstp.reporting.headline import headline
from fgstp.reporting.markdown import as_markdown
from fgstp.reporting.scored_footage import ScoredFootage
from fgstp.reporting.summaries import thresholds_shown, with_facts
from fgstp.reporting.tables import table1

GASVID = ScoredFootage.of("GasVid", ["annotated"])


@pytest.fixture
def both(summary):
    """MG and FGSTP under both protocols."""
    protocols = (("paper", None), ("operational", 90))
    return pd.concat(
        [summary(s, name, threshold=t) for s in ("mg", "fgstp") for name, t in protocols],
        ignore_index=True,
    )


def facts(paper, operational, needs="frames"):
    """Of both models the same."""
    shares = {
        "paper": {"degenerate_fraction": paper},
        "operational": {"degenerate_fraction": operational},
    }
    return {model: {"needs": needs, "protocols": shares} for model in ("mg", "fgstp")}


def test_what_a_model_was_told_stands_beside_its_summaries(both):
    before = both.copy()
    known = facts(0, 0, "first_mask")
    known["mg"] = known["mg"] | {"needs": "all_masks"}
    told = with_facts(both, known)
    assert told.groupby("model")["needs"].unique().explode().to_dict() == {
        "fgstp": "first_mask",
        "mg": "all_masks",
    }
    assert told["label"].isna().all()
    pd.testing.assert_frame_equal(told.drop(columns=["needs", "label"]), both)
    pd.testing.assert_frame_equal(both, before)
    without = {model: {"protocols": {}} for model in known}  # scores of an older version
    assert with_facts(both, without)["needs"].isna().all()


def test_mg_has_dashes_under_every_protocol_if_a_training_of_it_diverged(both):
    known = {model: each | {"diverged": 1} for model, each in facts(0.0, 0.0).items()}
    told = with_facts(both, known)
    values = told.groupby("model")["value"].count()
    assert values["mg"] == 0
    assert values["fgstp"] == both.groupby("model")["value"].count()["fgstp"]
    assert told.loc[told["model"] == "mg", "note"].str.contains("training of it diverged").all()


@pytest.mark.parametrize(
    ("shares", "dashed"),
    [
        ((0.951, 0.951), ["operational", "paper"]),
        ((0.5, 0.96), ["operational"]),
        ((0.95, 0.95), []),
    ],
)
def test_mg_has_dashes_where_nearly_all_it_finds_is_everything_or_nothing(both, shares, dashed):
    told = with_facts(both, facts(*shares))
    undefined = told[told[["value", "low", "high"]].isna().all(axis=1)]
    assert sorted(set(undefined["protocol"])) == dashed
    assert set(undefined["model"]) <= {"mg"}
    whole = told.groupby(["model", "protocol"])["value"].count()
    assert all(whole["mg", name] == 0 for name in dashed)
    assert not math.isnan(told.loc[told["model"] == "fgstp", "value"].mean())


def test_the_table_says_why_there_are_dashes(both):
    text = as_markdown(table1(with_facts(both, facts(0.2, 0.987)), GASVID))
    paper, published, operational = text.split("\n## ")[1:]
    assert "| MG | *" not in published
    assert "counts as failed" not in paper
    row = next(line for line in operational.split("\n") if line.startswith("| MG |"))
    assert row == f"| MG | {'– | ' * 11}90 |"
    assert (
        "of MG: everything or nothing is found on 98.7 % of the frames, and above 95 % the "
        "model counts as failed, as in the paper." in operational
    )


def test_the_headline_says_so_too(both):
    text = headline(with_facts(both, facts(0.99, 0.987)), GASVID)
    row = next(line for line in text.split("\n") if line.startswith("MG"))
    assert row.split() == ["MG", *["–"] * 5]
    assert "– mIoU of MG: everything or nothing is found on 99.0 % of the frames" in text
    assert "AUROC, false-alarm frames (%) of MG: everything or nothing is found on 98.7 %" in text


@pytest.mark.parametrize(
    ("thresholds", "shown"), [("90", "90"), ("90 90", "90"), ("90 131 8", "8–131")]
)
def test_thresholds_of_several_trainings_are_a_range(thresholds, shown):
    assert thresholds_shown(thresholds) == shown
