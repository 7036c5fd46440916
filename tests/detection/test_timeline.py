import numpy as np
import pytest

from fgstp.detection.timeline import Span, Timeline


def taken(scores, states=None, n_buckets=8):
    timeline = Timeline(n_buckets)
    for number, score in enumerate(scores):
        timeline.take(number / 2, score, "watching" if states is None else states[number])
    return timeline


def test_few_frames_are_kept_one_by_one():
    buckets = taken([0.1, 0.7, 0.4]).buckets
    np.testing.assert_array_equal(buckets["begin_s"], [0, 0.5, 1])
    np.testing.assert_array_equal(buckets["begin_s"], buckets["end_s"])
    np.testing.assert_allclose(buckets["low"], [0.1, 0.7, 0.4])
    np.testing.assert_allclose(buckets["high"], [0.1, 0.7, 0.4])


@pytest.mark.parametrize("n_frames", [8, 9, 16, 17, 100, 1000])
def test_many_are_joined_in_equal_stretches_with_their_extremes(n_frames):
    scores = np.random.default_rng(0).random(n_frames)
    buckets = taken(scores).buckets
    assert 4 < len(buckets) <= 8
    each = 2 ** int(np.ceil(np.log2(n_frames / 8)))
    stretches = [scores[begin : begin + each] for begin in range(0, n_frames, each)]
    np.testing.assert_allclose(buckets["low"], [min(own) for own in stretches], rtol=1e-6)
    np.testing.assert_allclose(buckets["high"], [max(own) for own in stretches], rtol=1e-6)
    np.testing.assert_array_equal(buckets["begin_s"], np.arange(0, n_frames, each) / 2)
    assert buckets["end_s"][-1] == (n_frames - 1) / 2


def test_spans_follow_each_other_without_gaps():
    states = ["warming_up"] * 2 + ["watching"] * 3 + ["frozen"] * 2
    assert taken(range(7), states).spans() == [
        Span("warming_up", 0, 1),
        Span("watching", 1, 2.5),
        Span("frozen", 2.5, 3),
    ]
    assert Timeline().spans() == []


def test_a_stretch_has_its_worst_state():
    states = ["watching"] * 40
    states[21] = "camera_moving"
    spans = taken(range(40), states).spans()
    assert [span.state for span in spans] == ["watching", "camera_moving", "watching"]
    assert spans[1].begin_s <= 10.5 <= spans[1].end_s
