import numpy as np
import pandas as pd
import pytest

from fgstp.core.errors import UserError
from fgstp.reporting.scored_footage import ScoredFootage
from fgstp.reporting.tables import table1, table2
from fgstp.scoring import score_clip, summarise

PLUMES = ScoredFootage.of("synthetic plumes", ["synthetic"])
GASVID = ScoredFootage.of("GasVid", ["annotated"])


def block(table, name):
    return next(each for each in table.blocks if each.name == name)


def cells(table, name):
    """Written cells by name of the line and label of the column."""
    found = block(table, name)
    labels = [*(column.label for column in found.columns), "t"]
    return {
        line.name: dict(zip(labels, line.cells, strict=found.thresholds is not None))
        for line in found.lines
    }


def test_a_block_a_protocol_and_the_published_rows_beside_those_of_the_paper(summaries, summary):
    more = pd.concat([summary(s, "paper_binary") for s in ("fgstp", "xmem_pp", "fgstp_no_fsp")])
    table = table1(pd.concat([more, summaries]), PLUMES)
    names = [each.name for each in table.blocks]
    assert names == ["paper", "published", "operational", "paper_binary"]
    assert [column.label for column in table.blocks[0].columns] == [
        *("S", "Fw", "MAE", "E", "mIoU", "mDice")
    ]
    assert table.blocks[0].columns == table.blocks[1].columns == table.blocks[3].columns


def test_table1_holds_models_and_table2_the_ablation(summaries):
    assert list(cells(table1(summaries, PLUMES), "paper")) == ["XMem++ †", "FGSTP"]
    assert list(cells(table2(summaries, PLUMES), "operational")) == ["+ CTC", "+ CTC + FSP (FGSTP)"]


def test_values_ranks_and_intervals_of_a_block(summaries):
    paper = cells(table1(summaries, PLUMES), "paper")
    assert paper["FGSTP"]["S"] == ("0.900", 1, "0.800–1.000")
    assert paper["XMem++ †"]["S"] == ("0.800", 2, "0.700–0.900")
    assert paper["FGSTP"]["MAE"][:2] == ("0.020", 1)
    assert paper["XMem++ †"]["MAE"][:2] == ("0.030", 2)
    assert paper["FGSTP"]["mIoU"].rank == paper["XMem++ †"]["mIoU"].rank == 1


def test_the_operational_block_has_percent_thresholds_and_dashes(summaries):
    table = table1(summaries, PLUMES)
    operational = cells(table, "operational")
    assert operational["FGSTP"]["false-alarm frames (%)"] == ("12.5", 1, "2.5–22.5")
    assert operational["XMem++ †"]["false-alarm frames (%)"][:2] == ("25.0", 2)
    assert [operational[name]["t"].text for name in operational] == ["128", "90"]
    assert operational["XMem++ †"]["AUROC"] == ("–", None, "")
    assert operational["FGSTP"]["AUROC"] == ("0.950", None, "0.850–1.050")  # alone, so not ranked
    notes = block(table, "operational").notes
    assert "– AUROC of XMem++ †: undefined: all have gas." in notes


def test_what_holds_for_all_models_is_told_once(summary):
    nan, reason = float("nan"), "every frame has gas"
    parts = [
        summary(s, p, threshold=128, false_alarm=nan, notes={"false_alarm": reason})
        for s in ("fgstp", "slt_net")
        for p in ("paper", "operational")
    ]
    notes = block(table1(pd.concat(parts), PLUMES), "operational").notes
    assert "– false-alarm frames (%): every frame has gas." in notes


def test_a_block_of_one_row_ranks_nothing(summary):
    both = pd.concat([summary("fgstp"), summary("fgstp", "operational", threshold=9)])
    table = table1(both, PLUMES)
    assert table.blocks[0].rows["rank"].isna().all()
    assert not block(table, "published").rows["rank"].isna().all()


def test_notes_tell_footage_protocol_intervals_and_the_first_mask(summaries):
    paper, _, operational = table1(summaries, PLUMES).blocks
    footage = "Test footage: synthetic plumes, synthetic masks; 6 videos, 24 clips, 3,600 frames."
    assert footage in paper.notes
    assert any(note.startswith("Protocol paper: input=soft norm=minmax") for note in paper.notes)
    assert any("threshold=128" in note for note in paper.notes)
    # Three models, three thresholds: the tuple cannot name one of them.
    assert any("norm=none" in note and "threshold=t" in note for note in operational.notes)
    assert paper.interval_notes == ("95 % intervals: bootstrap over videos.",)
    assert any(note.startswith("† is given the mask") for note in paper.notes)
    assert not any("†" in note for note in table2(summaries, PLUMES).blocks[0].notes)


def test_that_the_given_frame_counts_is_said_only_if_it_does(summary):
    settings = summary("rmem")["protocol_tuple"].iloc[0]
    assert "drop_given=False" in settings
    for dropped, said in ((False, True), (True, False)):
        rows = summary("rmem", settings=settings.replace("given=False", f"given={dropped}"))
        notes = table1(rows, PLUMES).blocks[0].notes
        assert any("whose mask is given counts too" in note for note in notes) is said


def test_the_published_rows_were_given_the_first_frame_as_the_paper_says(summaries):
    paper, published, _ = table1(summaries, PLUMES).blocks
    assert any("first frame with gas" in note for note in paper.notes)
    assert any("knows too that no frame before it has gas" in note for note in paper.notes)
    [given] = [note for note in published.notes if "†" in note]
    assert "with gas" not in given


def test_an_oracle_has_a_mark_of_its_own_and_is_not_ranked(summary):
    values = (("fgstp", "frames", 0.6), ("mg", "all_masks", 0.9), ("slt_net", "frames", 0.5))
    rows = [summary(s, iou_mean=value).assign(needs=needs) for s, needs, value in values]
    table = table1(pd.concat(rows), PLUMES)
    found = {name: row["mIoU"].rank for name, row in cells(table, "paper").items()}
    assert found == {"MG ‡": None, "SLT-Net": 2, "FGSTP": 1}
    [note] = [note for note in table.blocks[0].notes if "‡" in note]
    assert "upper bound" in note
    assert "ground truth of every frame at test time" in note
    assert not any("‡" in note for note in table.blocks[1].notes)


def test_what_a_model_was_told_decides_the_mark_not_its_name(summary):
    rows = summary("xmem_pp").assign(needs="frames"), summary("fgstp").assign(needs="first_mask")
    table = table1(pd.concat(rows), PLUMES)
    assert list(cells(table, "paper")) == ["XMem++", "FGSTP †"]
    assert "XMem++ †" in cells(table, "published")
    assert any("† is given" in note for note in table.blocks[0].notes)


def trained_often(summary):
    """A model of three trainings beside one of one training."""
    several = {"n_seeds": 3, "spread": 0.0123}
    return pd.concat(
        [
            summary("fgstp", iou_mean=0.55, **several),
            summary(
                "fgstp",
                "operational",
                threshold=90,
                thresholds="90 131 88",
                false_alarm=0.25,
                **several,
            ),
            summary("slt_net", iou_mean=0.56),
            summary("slt_net", "operational", threshold=90),
        ]
    )


def test_several_trainings_have_their_spread_and_rank_by_their_mean(summary):
    table = table1(trained_often(summary), PLUMES)
    paper, operational = cells(table, "paper"), cells(table, "operational")
    assert paper["FGSTP"]["mIoU"] == ("0.550 ± 0.012", 2, "0.450–0.650")
    assert paper["SLT-Net"]["mIoU"] == ("0.560", 1, "0.460–0.660")
    assert operational["FGSTP"]["false-alarm frames (%)"].text == "25.0 ± 1.2"
    assert (operational["FGSTP"]["t"].text, operational["SLT-Net"]["t"].text) == ("88–131", "90")
    tidy = table.tidy()
    ours = tidy[tidy["model"] == "fgstp"].groupby("block")
    assert ours["n_seeds"].first().fillna(0).to_dict() == {
        "operational": 3,
        "paper": 3,
        "published": 0,
    }
    assert ours["spread"].first()["paper"] == 0.0123


def test_notes_tell_how_many_trainings_and_what_the_interval_is_of(summary, summaries):
    paper, published, operational = table1(trained_often(summary), PLUMES).blocks
    [note] = [note for note in paper.notes if "±" in note]
    assert "mean and standard deviation over trainings that differ in their seed alone" in note
    assert "(FGSTP 3)" in note
    assert "own t" not in note
    assert any("Each training has its own t." in note for note in operational.notes)
    # Its trainings have several thresholds, so that the tuple names none.
    assert any("threshold=t" in note for note in operational.notes)
    assert any("interval is that of their mean" in note for note in paper.interval_notes)
    assert not any("±" in note for note in published.notes)
    for block in table1(summaries, PLUMES).blocks:
        assert not any("±" in note for note in block.notes + block.interval_notes)


def test_intervals_over_clips_say_that_they_tell_of_these_videos_only(summary):
    rows = summary("fgstp", interval_over="clips", n_videos=3)
    (note,) = table1(rows, PLUMES).blocks[0].interval_notes
    assert "fewer than 5 videos" in note
    assert "these videos only" in note


def test_the_published_block_says_when_it_does_not_compare(summaries):
    other = block(table1(summaries, PLUMES), "published").heading
    assert "on GasVid, protocol not stated by its authors" in other
    assert "on synthetic plumes with synthetic masks, so the two blocks do not compare" in other
    same = block(table1(summaries, GASVID), "published").heading
    assert same == "Published, on GasVid, protocol not stated by its authors"


def test_published_ranks_are_the_papers_colours(summaries):
    rows = cells(table1(summaries, PLUMES), "published")
    best = {(name, label) for name, row in rows.items() for label in row if row[label].rank == 1}
    fgstp = {("FGSTP", label) for label in ("S", "Fw", "MAE", "mIoU", "mDice")}
    assert best == fgstp | {("SINet-V2", "MAE"), ("SLT-Net", "E")}
    assert rows["MG"]["S"].text == "–"


def test_models_that_were_not_evaluated_are_named(summaries):
    (note,) = table1(summaries, PLUMES).notes
    missing = "Background subtraction, MG, SINet-V2, RMem †, ZoomNeXt, SLT-Net"
    assert note == f"Not evaluated: {missing}."
    assert table2(summaries, PLUMES).notes == ("Not evaluated: Backbone only, + FSP.",)


def test_without_any_of_its_models_a_table_is_the_published_one(summary):
    table = table2(summary("slt_net"), PLUMES)
    assert [each.name for each in table.blocks] == ["published"]
    assert len(table.blocks[0].lines) == 4


def test_a_model_that_nobody_knows_here_has_a_row(summary):
    table = table1(pd.concat([summary("newcomer"), summary("fgstp")]), PLUMES)
    assert [line.name for line in table.blocks[0].lines] == ["FGSTP", "newcomer"]


def test_the_tidy_table_keeps_the_scores_as_they_are(summaries):
    tidy = table1(summaries, PLUMES).tidy()
    ours = tidy[tidy["source"] == "this evaluation"]
    keys = ["model", "protocol", "metric"]
    columns = ["value", "low", "high", "spread"]
    expected = summaries.set_index(keys)[columns].sort_index()
    found = ours.set_index(keys)[columns].sort_index()
    pd.testing.assert_frame_equal(found, expected.loc[found.index])
    assert len(ours) == 2 * (6 + 11)
    assert not tidy.duplicated(["block", "model", "metric"]).any()
    # Shares stay shares; only the written tables have percent.
    alarms = ours[(ours["model"] == "fgstp") & (ours["metric"] == "false_alarm")]
    assert alarms["value"].item() == 0.125


def test_published_rows_of_the_tidy_table_claim_nothing_that_is_not_published(summaries):
    tidy = table1(summaries, PLUMES).tidy()
    published = tidy[tidy["block"] == "published"]
    unknown = ["protocol", "protocol_tuple", "low", "high", "n_videos", "n_clips", "n_frames"]
    assert published[unknown].isna().all(axis=None)
    assert set(published["data"]) == {"GasVid"}
    assert set(published["source"]) == {"arXiv 2505.00295"}
    assert set(tidy.loc[tidy["block"] == "paper", "data"]) == {"synthetic plumes"}


def test_models_scored_on_other_frames_are_refused(summary):
    rows = pd.concat([summary("fgstp"), summary("slt_net", n_frames=3599)])
    with pytest.raises(UserError, match=r"fgstp on 3600 frames .* slt_net on 3599 .*evaluate all"):
        table1(rows, PLUMES)


def test_models_scored_under_other_settings_are_refused(summary):
    changed = summary("fgstp")["protocol_tuple"].iloc[0].replace("video", "frame")
    with pytest.raises(UserError, match="do not compare"):
        table1(pd.concat([summary("fgstp"), summary("slt_net", settings=changed)]), PLUMES)


def test_a_model_without_scores_under_a_protocol_is_refused(summary):
    rows = pd.concat([summary("fgstp"), summary("mg"), summary("mg", "operational", threshold=1)])
    with pytest.raises(UserError, match="no scores of fgstp under the protocol operational"):
        table1(rows, PLUMES)


def test_summaries_that_are_none_are_refused(summary):
    rows = summary("fgstp")
    with pytest.raises(UserError, match="lack the columns n_seeds, n_clips: evaluate all"):
        table1(rows.drop(columns=["n_seeds", "n_clips"]), PLUMES)
    with pytest.raises(UserError, match="evaluate a model first"):
        table1(rows.iloc[:0], PLUMES)


def test_real_summaries_fit():
    rng = np.random.default_rng(0)
    masks = np.zeros((4, 24, 32), np.uint8)
    masks[:3, 5:15, 8:20] = 1
    parts = []
    for model, strength in (("fgstp", 200), ("slt_net", 120)):
        rows = []
        for clip in ("a_0", "a_1", "b_0"):
            maps = (masks * strength + rng.integers(0, 30, masks.shape)).astype(np.uint8)
            for protocol, threshold in (("paper", None), ("operational", 60)):
                scored = score_clip(maps, masks, protocol, threshold)
                rows.append(scored.assign(clip=clip, video=clip[0]))
        parts.append(summarise(pd.concat(rows)).assign(model=model))
    operational = cells(table1(pd.concat(parts), PLUMES), "operational")
    # Every gas pixel is above the threshold and no other, so that both find all.
    for name in ("SLT-Net", "FGSTP"):
        assert operational[name]["mIoU@t"] == ("1.000", 1, "1.000–1.000")
        assert operational[name]["false-alarm frames (%)"].text == "0.0"
    assert (operational["FGSTP"]["MAE"].rank, operational["SLT-Net"]["MAE"].rank) == (1, 2)
