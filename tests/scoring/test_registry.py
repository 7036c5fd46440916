"""A new metric is one function: it appears wherever metrics do."""

import numpy as np
import pytest

from fgstp.scoring import list_metrics, metric, metrics, score_clip, summarise


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    """Metrics of a test are forgotten after it."""
    list_metrics()
    monkeypatch.setattr(metrics, "REGISTRY", dict(metrics.REGISTRY))


def scored(make_clip, protocol="paper"):
    rows = score_clip(*make_clip(n_frames=6, empty_every=2), protocol)
    return rows.assign(video="a", clip="a_0000")


def test_a_new_metric_is_scored_and_summarised(make_clip):
    before = scored(make_clip)

    @metric("recall", over="gas")
    def recall(frames):
        return frames.predicted[:, 1, frames.threshold] / np.maximum(frames.n_foreground, 1)

    rows = scored(make_clip)
    assert rows.columns.drop("recall").tolist() == before.columns.tolist()
    assert rows["recall"].notna().tolist() == rows["gas"].tolist()
    gas = rows[rows["gas"]]
    # IoU cannot exceed recall, and both are 0 together.
    assert (gas["recall"] >= gas["iou"]).all()
    assert ((gas["recall"] == 0) == (gas["iou"] == 0)).all()
    summary = summarise(rows, n_resamples=2).set_index("metric")
    assert summary.loc["recall", "value"] == pytest.approx(gas["recall"].mean())
    clear = summarise(rows[~rows["gas"]], n_resamples=2).set_index("metric")
    assert clear.loc["recall", "note"] == "no frame has gas"


@pytest.mark.parametrize(
    ("protocol", "undefined_under", "defined"),
    [
        ("paper", ("skip",), True),
        ("paper", ("score",), False),
        ("paper_skip_empty", ("skip",), False),
        ("paper_skip_empty", (), True),
    ],
)
def test_it_says_under_which_rule_frames_without_gas_do_not_define_it(
    make_clip, protocol, undefined_under, defined
):
    metric("mean", undefined_under=undefined_under)(lambda frames: frames.mean_probability)
    rows = scored(make_clip, protocol)
    assert rows["mean"].notna().tolist() == (rows["gas"] | defined).tolist()


def test_a_new_ranking_metric_is_summarised(make_clip):
    @metric("precision_of_all", over="ranking")
    def precision_of_all(found, taken):
        return found[-1] / taken[-1]

    rows = scored(make_clip)
    summary = summarise(rows, n_resamples=2).set_index("metric")
    assert summary.loc["precision_of_all", "value"] == rows["gas"].mean()
    only_gas = summarise(rows[rows["gas"]], n_resamples=2).set_index("metric")
    assert only_gas.loc["precision_of_all", "note"] == "undefined: every frame has gas"


def test_two_metrics_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two metrics named 'mae'"):
        metric("mae")(lambda frames: frames.mean_probability)
