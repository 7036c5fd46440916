import pandas as pd

from fgstp.reporting.comparison import group_tables


def grouped(summary, by, groups):
    parts = []
    for place, group in enumerate(groups):
        value = 0.1 * (place + 1)
        paper = {"iou_mean": value, "n_frames": 1000 + place}
        operational = {"threshold": 9, "iou": value / 2, "false_alarm": value}
        for model in ("fgstp", "slt_net"):
            parts.append(summary(model, "paper", by, group, **paper))
            parts.append(summary(model, "operational", by, group, **operational))
    return pd.concat(parts)


def texts(row):
    return [cell.text for cell in row]


def test_groups_are_columns_with_values_and_sizes(summary):
    rows = grouped(summary, "category", ["long_clear", "medium_complex"])
    paper, operational, alarms = group_tables(rows, "category")
    assert [each.title.replace("\u00a0", " ") for each in (paper, operational, alarms)] == [
        "mIoU ↑, protocol paper",
        "mIoU@t ↑, protocol operational",
        "FA frames (%) ↓, protocol operational",
    ]
    near, far = paper.heads[1:]
    assert (near.text, near.detail) == ("medium, complex", "6 v, 1,001 f")
    assert (far.text, far.detail) == ("long, clear", "6 v, 1,000 f")
    assert texts(paper.rows[0]) == ["SLT-Net", "0.200", "0.100"]
    assert texts(operational.rows[1]) == ["FGSTP", "0.100", "0.050"]
    assert texts(alarms.rows[0]) == ["SLT-Net", "20.0", "10.0"]


def test_leak_classes_are_ordered_as_numbers_and_named(summary):
    groups = ["unknown", "7", "-1", "8", "0", "3.0"]
    table, *_ = group_tables(grouped(summary, "leak_class", groups), "leak_class")
    named = ["before the release", "0", "3", "7", "after the release", "unknown"]
    assert texts(table.heads[1:]) == named
    assert texts(table.rows[0])[1:] == ["0.300", "0.500", "0.600", "0.200", "0.400", "0.100"]


def test_a_model_without_a_group_has_a_dash(summary):
    rows = grouped(summary, "video", ["a", "b"])
    rows = rows[~((rows["model"] == "fgstp") & (rows["group"] == "a"))]
    assert texts(group_tables(rows, "video")[0].rows[1]) == ["FGSTP", "–", "0.200"]


def test_several_seeds_show_their_standard_deviation(summary):
    rows = grouped(summary, "category", ["long_clear"])
    rows.loc[rows["model"] == "fgstp", ["spread", "n_seeds"]] = 0.0123, 3
    paper, _, alarms = group_tables(rows, "category")
    assert [texts(row) for row in paper.rows] == [["SLT-Net", "0.100"], ["FGSTP", "0.100 ± 0.012"]]
    assert texts(alarms.rows[1]) == ["FGSTP", "10.0 ± 1.2"]


def test_metrics_without_values_have_no_table(summary):
    rows = grouped(summary, "video", ["a"])
    rows.loc[rows["metric"] == "false_alarm", "value"] = float("nan")
    assert len(group_tables(rows, "video")) == 2
    assert group_tables(rows, "category") == []
