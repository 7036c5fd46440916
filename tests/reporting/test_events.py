"""The table and the figure of events; values are worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from fgstp.reporting.event_charts import event_charts
from fgstp.reporting.rendering import as_latex, table_files
from fgstp.reporting.summaries import COLUMNS
from fgstp.scoring.event_scores import event_scores
from fgstp.scoring.timelines import detection_scores

NONE = pd.DataFrame(columns=list(COLUMNS))
CLASSES = [0] * 20 + [3] * 10 + [0] * 30  # a leak from 20 s to 30 s


@pytest.fixture
def watched(timeline, compared):
    """Compares models by their alarms, (video, time) each, on six videos with a leak each."""

    def make(**alarms_of):
        facts, timelines, events = {}, {}, {}
        for model, alarms in alarms_of.items():
            names = "abcdef"
            rows = timeline(model, **{name: (CLASSES, [0.1] * 60) for name in names})
            rows["distance_m"] = rows["video"].map(dict(zip(names, range(4, 10), strict=True)))
            is_leak = rows["leak_class"] == 3
            rows["evidence"] = np.where(is_leak & rows["video"].isin([a for a, _ in alarms]), 9, 0)
            own = pd.DataFrame(alarms, columns=["video", "alarm_s"])
            own = own.assign(end_s=own["alarm_s"] + 1, seed=pd.NA)
            events[model], timelines[model] = own, rows
            scores = event_scores(rows, own, n_resamples=100, seed=1)
            facts[model] = {"detection": detection_scores(rows) | {"events": scores}}
        return compared(NONE, facts, masks="", timelines=timelines), timelines, events

    return make


FOUND = [(name, 22.0) for name in "abcdef"]
POOR = [("a", 25.0), ("b", 3.0)]


def test_a_row_a_model_with_values_intervals_and_ranks(watched):
    comparison, *_ = watched(fgstp=FOUND, slt_net=POOR)
    tidy = comparison.events.tidy().set_index(["model", "metric"])
    assert tidy.loc[("fgstp", "event_recall"), "value"] == 1.0
    assert tidy.loc[("slt_net", "event_recall"), "value"] == pytest.approx(1 / 6, abs=1e-6)
    assert tidy.loc[("slt_net", "event_precision"), "value"] == 0.5
    assert tidy.loc[("fgstp", "detection_time_90_s"), "value"] == 2.0
    hours = 6 * 40 / 3600  # 20 s before each leak, and all but ten seconds of those after it
    assert tidy.loc[("slt_net", "false_alarms_per_hour"), "value"] == pytest.approx(
        1 / hours, rel=0.03
    )
    assert tidy.loc[("fgstp", "error_curve_area"), "value"] == 0.0
    assert tidy["rank"].unstack()["event_recall"].to_dict() == {"fgstp": 1, "slt_net": 2}
    assert tidy.loc[("slt_net", "detection_time_s"), "note"].startswith("less than half")
    assert (tidy.loc["fgstp", "n_leaks"] == 6).all()


def test_what_is_not_reached_is_a_dash_with_a_reason_or_an_open_interval(watched):
    half = [(name, 22.0) for name in "abcd"]
    comparison, *_ = watched(fgstp=half)
    (block,) = comparison.events.blocks
    cells = dict(zip([head.text for head in block.table.heads], block.table.rows[0], strict=True))
    delay, delay_90 = (cells[f"{label}\u00a0↓"] for label in ("delay (s)", "delay, 90 % (s)"))
    assert (delay.text, delay.detail) == ("2.0", "2.0–∞")
    assert delay_90.text == "–"
    assert any(note.startswith("– delay, 90 % (s)") for note in block.table.notes)
    assert any("∞" in note for note in block.table.notes)
    assert "∞" not in as_latex(comparison.events)


def test_it_is_in_every_form(watched):
    comparison, *_ = watched(fgstp=FOUND, slt_net=POOR)
    files = table_files(comparison)
    assert {f"events.{suffix}" for suffix in ("csv", "md", "tex")} <= set(files)
    assert "On synthetic plumes" in files["events.md"]
    assert "6 videos, 6 leaks, 0.0" in files["events.md"]


def test_without_a_schedule_there_is_neither_table_nor_chart(compared, timeline):
    timelines = {"fgstp": timeline("fgstp")}
    comparison = compared(NONE, masks="", timelines=timelines)
    assert comparison.events is None
    assert "events.csv" not in table_files(comparison)
    none = pd.DataFrame({"video": [], "alarm_s": [], "end_s": [], "seed": []})
    assert event_charts(timelines, {"fgstp": none}, comparison.rows) == []


def test_charts_show_the_curves_of_each_model(watched):
    comparison, timelines, events = watched(fgstp=FOUND, slt_net=POOR)
    by_rate, by_distance, errors = event_charts(timelines, events, comparison.rows)
    # One rate alone has no curve, but a share: all, and one of six.
    assert {own.kind for own in by_rate.series} == {"dots"}
    assert sorted(own.y.item() for own in by_rate.series) == pytest.approx([1 / 6, 1.0])
    curves = [own for own in by_distance.series if own.kind == "line"]
    assert [(own.x.min(), own.x.max()) for own in curves] == [pytest.approx((4, 9))] * 2
    for own in curves:
        low, high = own.intervals
        assert (low <= high).all()
    assert [own.y[-1] for own in errors.series] == pytest.approx([4 / 6, 0])
    assert [own.title for own in errors.series] == ["SLT-Net", "FGSTP"]
