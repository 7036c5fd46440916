import pandas as pd

from fgstp.reporting.comparison import group_tables


def texts(row):
    return [cell.text for cell in row]


def test_the_headline_has_five_scores_of_each_model(comparison):
    headline = comparison.headline
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


def test_groups_are_columns_with_values_and_sizes(summary):
    rows = grouped(summary, "category", ["long_clear", "medium_complex"])
    paper, operational, alarms = group_tables(rows, "category")
    titles = [each.title.replace("\u00a0", " ") for each in (paper, operational, alarms)]
    starts = ("mIoU ↑, protocol paper", "mIoU@t ↑, protocol oper", "FA frames (%) ↓, protocol oper")
    assert [title.startswith(start) for title, start in zip(titles, starts, strict=True)] == 3 * [1]
    assert "stretched" in titles[0]  # a protocol is told in words
    assert "as predicted" in titles[1]
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


def test_missing_groups_and_several_seeds(summary):
    rows = grouped(summary, "video", ["a", "b"])
    rows = rows[~((rows["model"] == "fgstp") & (rows["group"] == "a"))]
    rows.loc[rows["model"] == "fgstp", ["spread", "n_seeds"]] = 0.0123, 3
    paper, _, alarms = group_tables(rows, "video")
    assert texts(paper.rows[1]) == ["FGSTP", "–", "0.200 ± 0.012"]
    assert texts(alarms.rows[1]) == ["FGSTP", "–", "20.0 ± 1.2"]
    rows.loc[rows["metric"] == "false_alarm", "value"] = float("nan")
    assert len(group_tables(rows, "video")) == 2
    assert group_tables(rows, "category") == []
