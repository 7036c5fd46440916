import pandas as pd
import pytest

from fgstp.reporting.result_tables import result_table
from fgstp.reporting.summaries import ScoredFootage
from fgstp.scoring import PAPER

PLUMES = ScoredFootage.of("synthetic plumes", ["synthetic"])
GASVID = ScoredFootage.of("GasVid", ["annotated"])


def table1(summaries, footage=PLUMES):
    return result_table("table1", summaries, footage)


def table2(summaries, footage=PLUMES):
    return result_table("table2", summaries, footage)


def block(table, name):
    return next(each for each in table.blocks if each.name == name)


def cells(table, name):
    """Written cells by name of the row and heading of the column."""
    written = block(table, name).table
    labels = [head.text.partition("\u00a0")[0] for head in written.heads[1:]]
    return {row[0].text: dict(zip(labels, row[1:], strict=True)) for row in written.rows}


def note_with(notes, text):
    """The only note that contains a text."""
    [note] = [note for note in notes if text in note]
    return note


def test_a_block_for_each_protocol_and_the_published_rows_beneath_those_of_the_paper(
    summaries, summary
):
    more = pd.concat([summary(s, "paper_binary") for s in ("fgstp", "xmem_pp", "fgstp_no_fsp")])
    blocks = table1(pd.concat([more, summaries])).blocks
    names = [each.name for each in blocks]
    assert names == ["paper", "published", "operational", "paper_binary"]
    assert blocks[0].columns == blocks[1].columns == blocks[3].columns


def test_table1_compares_models_and_table2_is_the_ablation(summaries):
    assert list(cells(table1(summaries), "paper")) == ["XMem++ †", "FGSTP"]
    assert list(cells(table2(summaries), "operational")) == ["+ CTC", "+ CTC + FSP (FGSTP)"]


def test_values_and_intervals(summaries):
    table = table1(summaries)
    paper, operational = cells(table, "paper"), cells(table, "operational")
    assert paper["FGSTP"]["S"] == ("0.900", "best", "0.800–1.000")
    assert paper["FGSTP"]["MAE"][:2] == ("0.020", "best")
    assert operational["FGSTP"]["FA frames (%)"] == ("12.5", "best", "2.5–22.5")
    assert [row["t"].text for row in operational.values()] == ["128", "90"]
    assert operational["XMem++ †"]["AUROC"] == ("–", "", "")
    assert operational["FGSTP"]["AUROC"].mark == ""  # the only value
    assert (
        "– AUROC of XMem++ †: undefined: all have gas." in block(table, "operational").table.notes
    )


@pytest.mark.parametrize(
    ("values", "marks"),
    [
        ([0.1], [""]),
        ([0.1, 0.2, 0.3], ["", "", "best"]),
        ([0.1, 0.2, 0.3, 0.4], ["", "", "second", "best"]),
        ([0.3, 0.3, 0.3, 0.1], ["best", "best", "best", "second"]),
    ],
)
def test_the_second_best_is_marked_among_four_models_or_more(summary, values, marks):
    models = ("sinet_v2", "zoomnext", "slt_net", "fgstp")
    rows = [summary(model, iou_mean=value) for model, value in zip(models, values, strict=False)]
    found = cells(table1(pd.concat(rows)), "paper")
    assert [row["mIoU"].mark for row in found.values()] == marks


def test_a_reason_that_holds_for_all_models_is_given_once(summary):
    values = {"false_alarm": float("nan"), "notes": {"false_alarm": "every frame has gas"}}
    parts = [
        summary(s, p, threshold=128, **values)
        for s in ("fgstp", "slt_net")
        for p in ("paper", "operational")
    ]
    notes = block(table1(pd.concat(parts)), "operational").table.notes
    assert "– FA frames (%): every frame has gas." in notes


def test_notes_say_what_was_scored_and_how(summaries):
    paper, _, operational = table1(summaries).blocks
    assert "3,600 frames" in note_with(paper.table.notes, "Test footage: synthetic plumes")
    assert "stretched" in note_with(paper.table.notes, "Protocol paper: ")
    assert "as predicted" in note_with(operational.table.notes, "Protocol operational: ")
    assert "chosen for each model" in note_with(operational.table.notes, "t: threshold")
    assert "structure measure" in note_with(paper.table.notes, "mIoU: ")
    assert "bootstrap over videos" in note_with(paper.interval_notes, "95 %")


def test_intervals_over_clips_are_limited_to_their_videos(summary):
    (note,) = table1(summary("fgstp", interval_over="clips", n_videos=3)).blocks[0].interval_notes
    assert "fewer than 5 videos" in note


@pytest.mark.parametrize("given_counts", [True, False])
def test_the_first_mask_has_a_footnote(summary, given_counts):
    settings = PAPER.model_copy(update={"drop_given": not given_counts})
    paper, published = table1(summary("rmem", settings=settings)).blocks
    note = note_with(paper.table.notes, "†")
    assert "first frame with gas" in note
    assert ("is scored as well" in note) is given_counts
    assert "with gas" not in note_with(published.table.notes, "†")  # as the paper says
    assert not any("†" in note for note in table1(summary("fgstp")).blocks[0].table.notes)


def test_an_oracle_is_marked_and_not_ranked(summary):
    values = (("fgstp", "frames", 0.6), ("mg", "all_masks", 0.9), ("slt_net", "frames", 0.5))
    rows = [summary(s, iou_mean=value).assign(prompt=needs) for s, needs, value in values]
    table = table1(pd.concat(rows))
    found = {name: row["mIoU"].mark for name, row in cells(table, "paper").items()}
    assert found == {"MG ‡": "", "SLT-Net": "", "FGSTP": "best"}
    assert "upper bound" in note_with(table.blocks[0].table.notes, "‡").lower()
    assert not any("‡" in note for note in table.blocks[1].table.notes)


def test_the_prompt_that_was_used_decides_the_mark(summary):
    rows = summary("xmem_pp").assign(prompt="none"), summary("fgstp").assign(prompt="first_mask")
    table = table1(pd.concat(rows))
    assert list(cells(table, "paper")) == ["XMem++", "FGSTP †"]
    assert "XMem++ †" in cells(table, "published")


def test_several_seeds_show_mean_and_standard_deviation(summary):
    several = {"n_seeds": 3, "spread": 0.0123, "threshold": 90}
    operational = {"threshold_min": 88, "threshold_max": 131, "false_alarm": 0.25}
    rows = [
        summary("fgstp", iou_mean=0.55, **several),
        summary("fgstp", "operational", **several, **operational),
        summary("slt_net", iou_mean=0.56),
        summary("slt_net", "operational", threshold=90),
    ]
    table = table1(pd.concat(rows))
    paper, operational = cells(table, "paper"), cells(table, "operational")
    assert paper["FGSTP"]["mIoU"] == ("0.550 ± 0.012", "", "0.450–0.650")
    assert paper["SLT-Net"]["mIoU"] == ("0.560", "best", "0.460–0.660")
    assert operational["FGSTP"]["FA frames (%)"].text == "25.0 ± 1.2"
    assert (operational["FGSTP"]["t"].text, operational["SLT-Net"]["t"].text) == ("88–131", "90")
    assert "(FGSTP: 3)" in note_with(table.blocks[0].table.notes, "±: mean and standard deviation")
    assert "of the mean over seeds" in note_with(table.blocks[0].interval_notes, "±")
    assert not any("±" in note for note in table.blocks[1].table.notes)
    tidy = table.tidy()
    ours = tidy[(tidy["model"] == "fgstp") & (tidy["block"] == "paper")]
    assert set(ours["n_seeds"]) == {3}
    assert set(ours["spread"]) == {0.0123}


def test_models_that_were_not_evaluated_are_listed(summaries):
    (note,) = table1(summaries).notes
    missing = "Background subtraction, MG, SINet-V2, RMem †, ZoomNeXt, SLT-Net, WISP"
    assert note == f"Not evaluated: {missing}."
    assert table2(summaries).notes == ("Not evaluated: Backbone only, + FSP.",)


def test_without_evaluated_models_a_table_holds_the_published_rows(summary):
    (only,) = table2(summary("slt_net")).blocks
    assert only.name == "published"
    assert len(only.table.rows) == 4


def test_the_tidy_table_holds_the_scores_unchanged(summaries):
    tidy = table1(summaries).tidy()
    ours = tidy[tidy["source"] == "this evaluation"]
    keys, columns = ["model", "protocol", "metric"], ["value", "low", "high", "spread"]
    expected = summaries.set_index(keys)[columns].sort_index()
    found = ours.set_index(keys)[columns].sort_index()
    pd.testing.assert_frame_equal(found, expected.loc[found.index])
    assert len(ours) == 2 * (6 + 11)
    assert not tidy.duplicated(["block", "model", "metric"]).any()


def test_published_rows_claim_nothing_that_is_not_published(summaries):
    assert "not comparable" in block(table1(summaries), "published").table.title
    assert "not comparable" not in block(table1(summaries, GASVID), "published").table.title
    tidy = table1(summaries).tidy()
    published = tidy[tidy["block"] == "published"]
    unknown = ["protocol", "low", "high", "n_videos", "n_clips", "n_frames"]
    assert published[unknown].isna().all(axis=None)
    assert set(published["data"]) == {"GasVid"}
    assert set(published["source"]) == {"arXiv 2505.00295"}


def test_published_marks_are_the_papers_colours(summaries):
    rows = cells(table1(summaries), "published")
    best = {
        (name, label) for name, row in rows.items() for label in row if row[label].mark == "best"
    }
    fgstp = {("FGSTP", label) for label in ("S", "Fw", "MAE", "mIoU", "mDice")}
    assert best == fgstp | {("SINet-V2", "MAE"), ("SLT-Net", "E")}
    assert rows["MG"]["S"].text == "–"
    assert [cell.text for cell in rows["FGSTP"].values()] == [
        *("0.705", "0.507", "0.022", "0.797", "0.399", "0.509")
    ]
