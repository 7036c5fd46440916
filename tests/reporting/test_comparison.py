import pandas as pd
import pytest

from fgstp.core.errors import UserError


def texts(row):
    return [cell.text for cell in row]


def test_the_headline_has_five_scores_of_each_model(summaries, compared):
    headline = compared(summaries).headline
    assert [texts(row) for row in headline.rows] == [
        ["XMem++ †", "0.450", "0.600", "0.350", "–", "25.0"],
        ["FGSTP without FSP", "0.300", "0.500", "0.500", "0.500", "50.0"],
        ["FGSTP", "0.450", "0.700", "0.550", "0.950", "12.5"],
    ]
    assert [head.detail for head in headline.heads[1:]] == ["paper", *["operational"] * 4]
    notes = " ".join(headline.notes)
    assert "AUROC of XMem++ †: undefined" in notes
    assert "† The model receives" in notes
    assert "±" not in notes


def test_a_variant_of_a_protocol_adds_no_columns_to_the_headline(summary, compared):
    rows = pd.concat([summary("fgstp", "paper_binary"), summary("fgstp", iou_mean=0.7)])
    comparison = compared(rows)
    assert [texts(row) for row in comparison.headline.rows] == [["FGSTP", "0.700"]]
    assert list(comparison.protocols) == ["paper", "paper_binary"]


def test_several_seeds_show_their_standard_deviation(summary, compared):
    rows = [summary("fgstp", n_seeds=3, spread=0.0123), summary("background", iou_mean=0.2)]
    headline = compared(pd.concat(rows)).headline
    assert [texts(row)[1] for row in headline.rows] == ["0.200", "0.500 ± 0.012"]
    assert "(FGSTP: 3)" in " ".join(headline.notes)


def test_what_was_scored(summaries, compared):
    comparison = compared(summaries, footage="GasVid", masks="pseudo")
    assert comparison.scored == "6 videos, 24 clips, 3,600 frames"
    assert comparison.titles == ("XMem++ †", "FGSTP without FSP", "FGSTP")
    assert comparison.footage == ("GasVid", ("pseudo",))


def test_facts_of_a_model_are_part_of_its_title(summary, compared):
    rows = pd.concat([summary("mg"), summary("background"), summary("fgstp")])
    facts = {"mg": {"prompt": "all_masks"}, "background": {"label": "MOG2"}}
    assert compared(rows, facts).titles == ("Background subtraction (MOG2)", "MG ‡", "FGSTP")


def test_models_scored_on_different_footage_are_refused(summaries, compared):
    with pytest.raises(UserError, match=r"fgstp and xmem_pp were scored on different clips"):
        compared(summaries, {"xmem_pp": {"footage_sha256": "y"}})
    with pytest.raises(UserError, match="No model has been evaluated"):
        compared(summaries.iloc[:0])
