import pandas as pd
import pytest

from fgstp.core.errors import UserError
from fgstp.reporting.rendering import as_markdown
from fgstp.reporting.summaries import ScoredFootage, check_summaries, with_facts
from fgstp.scoring import PAPER


def test_models_scored_on_other_frames_or_under_other_settings_are_refused(summary):
    rows = pd.concat([summary("fgstp"), summary("slt_net", n_frames=3599)])
    with pytest.raises(UserError, match=r"fgstp and slt_net.*frames is 3600 and 3599.*evaluate"):
        check_summaries(rows, ["fgstp", "slt_net"])
    changed = PAPER.model_copy(update={"average": "frame"})
    rows = pd.concat([summary("fgstp"), summary("slt_net", settings=changed)])
    with pytest.raises(UserError, match="average is video and frame"):
        check_summaries(rows, ["fgstp", "slt_net"])
    rows = [summary(s, "operational", threshold=t) for s, t in (("fgstp", 90), ("slt_net", 91))]
    check_summaries(pd.concat(rows), ["fgstp", "slt_net"])  # thresholds may differ


def test_a_model_without_scores_under_a_protocol_is_refused(summary):
    rows = pd.concat([summary("fgstp"), summary("mg"), summary("mg", "operational", threshold=1)])
    with pytest.raises(UserError, match="no scores of fgstp under the protocol operational"):
        check_summaries(rows, ["fgstp", "mg"])
    with pytest.raises(UserError, match="no scores of slt_net under the protocol paper"):
        check_summaries(rows[rows["protocol"] == "paper"], ["fgstp", "mg", "slt_net"])


def test_incomplete_summaries_are_refused(summary):
    rows = summary("fgstp")
    with pytest.raises(UserError, match="lack the columns n_seeds, n_clips"):
        check_summaries(rows.drop(columns=["n_seeds", "n_clips"]), ["fgstp"])
    check_summaries(rows.iloc[:0], ["fgstp"])  # of footage without masks


@pytest.mark.parametrize("by", ["Category", "", "all ", "nan"])
def test_groups_that_nobody_made_are_refused(summary, by):
    rows = summary("fgstp")
    with pytest.raises(UserError, match="evaluate all models again"):
        check_summaries(pd.concat([rows, rows.assign(by=by)]), ["fgstp"])
    with pytest.raises(UserError, match="evaluate all models again"):
        check_summaries(rows.assign(by="video"), ["fgstp"])  # none of all frames


@pytest.fixture
def both(summary):
    """MG and FGSTP under both protocols."""
    protocols = (("paper", None), ("operational", 90))
    return pd.concat(
        [summary(s, name, threshold=t) for s in ("mg", "fgstp") for name, t in protocols],
        ignore_index=True,
    )


def facts(paper, operational, **more):
    """The same facts for both models."""
    fractions = {"paper": paper, "operational": operational}
    protocols = {name: {"degenerate_fraction": each} for name, each in fractions.items()}
    return {model: {"protocols": protocols, **more} for model in ("mg", "fgstp")}


def test_facts_are_added_to_a_copy(both):
    before = both.copy()
    known = with_facts(both, facts(0, 0, prompt="first_mask") | {"mg": {"protocols": {}}})
    assert set(known.loc[known["model"] == "fgstp", "prompt"]) == {"first_mask"}
    assert known.loc[known["model"] == "mg", "prompt"].isna().all()
    assert known["label"].isna().all()
    pd.testing.assert_frame_equal(
        known.drop(columns=["prompt", "label", "n_validation_clips"]), both
    )
    pd.testing.assert_frame_equal(both, before)


@pytest.mark.parametrize(
    ("fractions", "diverged", "dashed"),
    [
        ((0.951, 0.951), 0, ["operational", "paper"]),
        ((0.5, 0.96), 0, ["operational"]),
        ((0.95, 0.95), 0, []),
        ((0.0, 0.0), 1, ["operational", "paper"]),
    ],
)
def test_mg_has_no_scores_where_it_failed(both, fractions, diverged, dashed):
    known = with_facts(
        both, facts(*fractions, trainings=[{"diverged": False}, {"diverged": diverged > 0}])
    )
    undefined = known[known[["value", "low", "high"]].isna().all(axis=1)]
    assert sorted(set(undefined["protocol"])) == dashed
    assert set(undefined["model"]) <= {"mg"}
    whole = known.groupby(["model", "protocol"])["value"].count()
    assert all(whole["mg", name] == 0 for name in dashed)


def test_tables_and_headline_say_why_there_are_dashes(both, compared):
    comparison = compared(both, facts(0.2, 0.987))
    assert [cell.text for cell in comparison.headline.rows[0]][2:] == ["–"] * 4
    reason = "empty or full on 98.7 % of the frames"
    assert reason in " ".join(comparison.headline.notes)
    paper, _, operational = as_markdown(comparison.tables[0]).split("\n## ")[1:]
    assert reason in operational
    assert reason not in paper
    assert f"| MG | {'– | ' * 11}90 |" in operational


@pytest.mark.parametrize(
    ("name", "sources", "masks", "same"),
    [
        ("GasVid", ["annotated"], "annotated masks", True),
        ("gasvid", ["annotated", "annotated"], "annotated masks", True),
        ("GasVid", ["pseudo", "annotated"], "masks of mixed sources (annotated and pseudo)", False),
        ("synthetic plumes", ["synthetic"], "synthetic masks", False),
        ("own footage", [], "no masks", False),
    ],
)
def test_only_gasvid_with_annotated_masks_is_what_the_paper_scores(name, sources, masks, same):
    footage = ScoredFootage.of(name, sources)
    assert (footage.masks, footage.is_the_papers) == (masks, same)
    with_void = ScoredFootage.of(name, sources, void_fraction=0.0123)
    assert with_void.masks == f"{masks}, of which 1.23% is void and left out"
