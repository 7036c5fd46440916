import pytest

from fgstp.reporting.result_tables import result_table
from fgstp.reporting.summaries import ScoredFootage
from fgstp.reporting.tables import OPERATIONAL_COLUMNS, PAPER_COLUMNS, columns, columns_of
from fgstp.scoring import PROTOCOLS, metric, metrics

NAN = float("nan")
MIOU, MAE, ALARM_PIXELS, ALARM_FRAMES = columns(
    "iou_mean", "mae", "false_alarm_fraction", "false_alarm"
)


@pytest.mark.parametrize(
    ("column", "value", "spread", "shown"),
    [
        (MIOU, 0.39861, NAN, "0.399"),
        (MIOU, NAN, NAN, "–"),
        (MIOU, NAN, 0.01, "–"),
        (MIOU, 0.5554, 0.0116, "0.555 ± 0.012"),
        (MIOU, 0.5554, 0.0, "0.555 ± 0.000"),
        (ALARM_FRAMES, 0.125, 0.0123, "12.5 ± 1.2"),
        (ALARM_PIXELS, 0.00012, NAN, "0.01"),
    ],
)
def test_written_values(column, value, spread, shown):
    assert column.shown(value, spread) == shown


@pytest.mark.parametrize(
    ("column", "values", "ranks"),
    [
        (MIOU, [0.3, 0.5, 0.4], [3, 1, 2]),
        (MIOU, [0.4, NAN, 0.5], [2, None, 1]),
        (MAE, [0.022, 0.036, 0.023, 0.022], [1, 3, 2, 1]),  # ranks have no gaps
        (MIOU, [0.4001, 0.3999, 0.2], [1, 1, 2]),  # both are written 0.400
        (ALARM_FRAMES, [0.1249, 0.1251, 0.2], [1, 1, 2]),  # both are written 12.5
        (MIOU, [0.4], [None]),
        (MIOU, [0.4, NAN], [None, None]),
        (MIOU, [], []),
    ],
)
def test_ranks(column, values, ranks):
    assert column.ranks(values) == ranks


def test_arrows_point_to_better_values():
    assert (MIOU.heading, MAE.heading) == ("mIoU\u00a0↑", "MAE\u00a0↓")


def test_columns_follow_from_the_settings_of_a_protocol():
    renamed = PROTOCOLS["operational"].model_copy(update={"name": "paper"})
    assert columns_of(renamed) == OPERATIONAL_COLUMNS
    shown = {name: columns_of(protocol) for name, protocol in PROTOCOLS.items()}
    assert shown.pop("operational") == OPERATIONAL_COLUMNS
    assert set(shown.values()) == {PAPER_COLUMNS}


def test_a_new_metric_with_a_label_follows_the_operational_ones(monkeypatch, summary):
    monkeypatch.setattr(metrics, "REGISTRY", dict(metrics.REGISTRY))
    for name, label in (("recall", "recall"), ("unlabelled", "")):
        metric(name, label=label, lower_is_better=True)(lambda frames: frames.mean_probability)
    own = summary("fgstp", "operational", threshold=90, recall=0.25, unlabelled=0.5)
    written = result_table("table1", own, ScoredFootage.of("own footage", [])).blocks[0].table
    assert [head.text for head in written.heads[-3:]] == [
        "FA frames (%)\u00a0↓",
        "recall\u00a0↓",
        "t",
    ]
    assert written.rows[0][-2].text == "0.250"
    paper = result_table("table1", summary("fgstp"), ScoredFootage.of("own footage", [])).blocks[0]
    assert paper.columns == PAPER_COLUMNS
