"""The table of detection by the leak schedule; values are worked out by hand."""

import io

import pandas as pd
import pytest

from fgstp.reporting.rendering import headline_text, table_files
from fgstp.reporting.summaries import COLUMNS

NONE = pd.DataFrame(columns=list(COLUMNS))
# Leak-free for two seconds, released at 2 s, over at 5 s.
CLASSES = [0, 0, 1, 3, 3, 8]
GOOD = {"a": (CLASSES, [0.1, 0.2, 0.3, 0.9, 0.9, 0.9])}  # found after a second
BAD = {"a": (CLASSES, [0.9, 0.1, 0.1, 0.1, 0.1, 0.1])}  # never, but a false alarm
MODELS = ["fgstp", "slt_net"]


@pytest.fixture
def two(compared, timeline):
    """Two models on own footage without masks."""
    timelines = {"fgstp": timeline("fgstp", **GOOD), "slt_net": timeline("slt_net", **BAD)}
    return compared(NONE, footage="own footage", masks="", timelines=timelines)


def test_the_csv_has_a_row_for_each_model_and_metric(two):
    table = pd.read_csv(io.StringIO(table_files(two)["detection.csv"]))
    value = table.set_index(["model", "metric"])["value"]
    assert value["fgstp", "leak_auroc"] == 1.0
    # 0.1 three times against 0.9 and 0.1: none above, three halves.
    assert value["slt_net", "leak_auroc"] == pytest.approx(1.5 / 6)
    assert value["fgstp", "leak_auroc_weak"] == value["fgstp", "leak_auroc_strong"] == 1.0
    assert (value["fgstp", "found_fraction"], value["slt_net", "found_fraction"]) == (1, 0)
    assert value["fgstp", "time_to_detection_s"] == 1.0
    assert pd.isna(value["slt_net", "time_to_detection_s"])
    assert value["slt_net", "false_alarm_fraction"] == 0.5
    hours = 2 / 3600
    assert value["slt_net", "false_alarms_per_hour"] == pytest.approx(1 / hours)
    assert value["fgstp", "false_alarms_per_hour_bound"] == pytest.approx(2.9957 / hours, rel=1e-4)
    rank = table.set_index(["model", "metric"])["rank"]
    assert (rank["fgstp", "found_fraction"], rank["slt_net", "found_fraction"]) == (1, 2)
    assert set(table["data"]) == {"own footage"}
    assert set(table["n_bare_clips"]) == set(table["n_clips"]) == {1}


def test_every_form_shows_both_models_and_that_there_are_no_masks(two):
    files = table_files(two)
    assert {f"detection.{suffix}" for suffix in ("csv", "md", "tex")} <= set(files)
    assert (
        "| FGSTP | **1.000** | **1.000** | **1.000** | **100** | 1.0 | **0.0** |"
        in (files["detection.md"])
    )
    assert r"FGSTP & \textbf{1.000}" in files["detection.tex"]
    for text in (
        files["detection.md"],
        files["detection.tex"],
        headline_text(two),
    ):
        assert "own footage; 1 video, 1 clip, 6 frames, without masks; 1 release" in " ".join(
            text.split()
        )
        assert "SLT-Net" in text
    assert max(map(len, headline_text(two).split("\n\n")[2].splitlines())) <= 100


def test_tables_of_pixels_say_in_a_sentence_why_they_are_empty(two):
    sentence = "Pixels are not scored, since none of the 24 test clips has masks."
    files = table_files(two)
    for name in ("table1", "table2"):
        assert f"- {sentence}" in files[f"{name}.md"]
        assert sentence in files[f"{name}.tex"]
        assert set(pd.read_csv(io.StringIO(files[f"{name}.csv"]))["block"]) == {"published"}
    assert two.remarks == (sentence,)


def test_without_masks_and_schedule_one_sentence_says_that_nothing_can_be_scored(
    compared, timeline
):
    comparison = compared(
        NONE, footage="own footage", masks="", timelines={"fgstp": timeline("fgstp")}
    )
    assert comparison.detection is None
    [sentence] = comparison.remarks
    assert sentence.startswith("Nothing can be scored, since none of the 24 test clips has masks, ")
    text = headline_text(comparison)
    assert sentence in " ".join(text.split())
    assert "1 video, 1 clip, 3 frames" in text
    assert "detection.csv" not in table_files(comparison)


def test_masks_that_were_computed_are_named_with_the_switch(compared, timeline):
    facts = {"fgstp": {"n_pseudo_clips": 24}}
    timelines = {"fgstp": timeline("fgstp", **GOOD)}
    [sentence] = compared(NONE, facts, masks="", timelines=timelines).remarks
    assert "no masks but those computed from the footage" in sentence
    assert "evaluate.allow_pseudo_masks=true" in sentence


def test_with_masks_both_kinds_of_tables_are_shown(compared, summary, timeline):
    timelines = {"fgstp": timeline("fgstp", masks="annotated", **GOOD)}
    comparison = compared(summary("fgstp"), timelines=timelines)
    assert comparison.remarks == ()
    assert comparison.detection.blocks[0].table.title == "On synthetic plumes"


def test_several_trainings_show_mean_and_standard_deviation(compared, timeline):
    parts = [timeline("fgstp", seed, **GOOD) for seed in (1, 2)]
    parts[1]["score"] *= 0.6  # 0.54 is still an alarm
    rows = pd.concat([parts[0], parts[1].assign(threshold=0.54)], ignore_index=True)
    facts = {"fgstp": {"trainings": [{"frame_threshold": 0.5}, {"frame_threshold": 0.54}]}}
    table = compared(NONE, facts, masks="", timelines={"fgstp": rows}).detection.blocks[0].table
    assert [cell.text for cell in table.rows[0]][:2] == ["FGSTP", "1.000 ± 0.000"]
    assert table.rows[0][-1].text == "0.5–0.54"
    assert any("(FGSTP: 2)" in note for note in table.notes)


def test_a_checkpoint_without_a_threshold_and_clips_that_are_left_out_are_told(compared, timeline):
    fewer = {"a": (CLASSES[:4], GOOD["a"][1][:4])}
    facts = {
        "fgstp": {"trainings": [{"frame_threshold": None}]},
        "xmem_pp": {"prompt": "first_mask", "n_left_out_clips": 3},
    }
    timelines = {"fgstp": timeline("fgstp", **GOOD), "xmem_pp": timeline("xmem_pp", **fewer)}
    comparison = compared(NONE, facts, masks="", timelines=timelines)
    block = comparison.detection.blocks[0]
    assert any("t of FGSTP is 0.5, as the checkpoint holds none" in n for n in block.table.notes)
    assert any(
        "Not ranked, as they do not predict all clips: XMem++ †" in n for n in block.table.notes
    )
    assert block.tidy.loc[block.tidy["model"] == "xmem_pp", "rank"].isna().all()
    assert "XMem++ † leaves out 3 of the 24 test clips, which have no masks to give it." in (
        comparison.remarks
    )


def test_videos_and_categories_have_tables_of_their_own(compared, timeline):
    videos = GOOD | {"b": ([0, 1], [0.1, 0.9]), "unknown": ([None], [0.9])}
    comparison = compared(NONE, masks="", timelines={"fgstp": timeline("fgstp", **videos)})
    tables = {
        table.title.split("\u00a0")[0]: table for table in comparison.detection_groups["video"]
    }
    assert [head.text for head in tables["delay (s)"].heads] == ["model", "a", "b"]
    assert [cell.text for cell in tables["delay (s)"].rows[0]] == ["FGSTP", "1.0", "0.0"]
    [head] = {table.heads[1].text for table in comparison.detection_groups["category"]}
    assert head == "close, clear"


def test_thresholds_that_nothing_could_be_chosen_on_are_told(compared, summary):
    rows = pd.concat([summary("fgstp"), summary("fgstp", "operational", threshold=128)])
    sentence = "t of FGSTP is a half, 128, since no validation clip has masks."
    comparison = compared(rows, {"fgstp": {"n_validation_clips": 0}})
    assert comparison.remarks == (sentence,)
    blocks = {block.name: block.table.notes for block in comparison.tables[0].blocks}
    assert sentence in blocks["operational"]
    assert sentence not in blocks["paper"]
    assert compared(rows, {"fgstp": {"n_validation_clips": 2}}).remarks == ()
