import pandas as pd

from fgstp.reporting.group_tables import group_tables


def grouped(summary, by, groups):
    parts = []
    for place, group in enumerate(groups):
        value = 0.1 * (place + 1)
        for model in ("fgstp", "slt_net"):
            parts.append(summary(model, "paper", by, group, iou_mean=value, n_frames=1000 + place))
            parts.append(
                summary(
                    model, "operational", by, group, threshold=9, iou=value / 2, false_alarm=value
                )
            )
    return pd.concat(parts)


def test_groups_stand_across_with_their_values_and_sizes(summary):
    tables = group_tables(
        grouped(summary, "category", ["long_clear", "medium_complex"]), "category"
    )
    assert [table.heading.replace("\u00a0", " ") for table in tables] == [
        "mIoU ↑, protocol paper",
        "mIoU@t ↑, protocol operational",
        "false-alarm frames (%) ↓, protocol operational",
    ]
    paper, operational, alarms = tables
    assert paper.groups == [
        "medium, complex",
        "long, clear",
    ]  # near before far, not by the alphabet
    assert paper.sizes == ["6 v, 1,001 f", "6 v, 1,000 f"]
    assert paper.lines == [("SLT-Net", ["0.200", "0.100"]), ("FGSTP", ["0.200", "0.100"])]
    assert operational.lines[0][1] == ["0.100", "0.050"]
    assert alarms.lines[0][1] == ["20.0", "10.0"]


def test_leak_classes_are_ordered_as_numbers_and_named(summary):
    groups = ["unknown", "7", "-1", "8", "0", "3.0"]
    tables = group_tables(grouped(summary, "leak_class", groups), "leak_class")
    assert tables[0].groups == [
        *("before the release", "0", "3", "7", "after the release", "unknown")
    ]
    assert tables[0].lines[0][1] == ["0.300", "0.500", "0.600", "0.200", "0.400", "0.100"]


def test_a_model_without_a_group_has_a_dash_there(summary):
    rows = grouped(summary, "video", ["a", "b"])
    rows = rows[~((rows["model"] == "fgstp") & (rows["group"] == "a"))]
    assert group_tables(rows, "video")[0].lines[1] == ("FGSTP", ["–", "0.200"])


def test_groups_of_several_trainings_have_their_spread(summary):
    rows = grouped(summary, "category", ["long_clear"])
    rows.loc[rows["model"] == "fgstp", ["spread", "n_seeds"]] = 0.0123, 3
    paper, _, alarms = group_tables(rows, "category")
    assert paper.lines == [("SLT-Net", ["0.100"]), ("FGSTP", ["0.100 ± 0.012"])]
    assert alarms.lines[1] == ("FGSTP", ["10.0 ± 1.2"])


def test_metrics_without_any_value_have_no_table(summary):
    rows = grouped(summary, "video", ["a"])
    rows.loc[rows["metric"] == "false_alarm", "value"] = float("nan")
    assert len(group_tables(rows, "video")) == 2
    assert group_tables(rows, "category") == []
