import numpy as np
import pytest

from fgstp.detection.overview import N_BINS, Overview, Watched, joined
from fgstp.detection.timeline import STATES, Span


def watched(event_s=0.0, name="a", n_events=1, duration_s=10.0, error=None):
    return Watched(event_s, name, f"{name}.mkv", n_events, 0.5, duration_s, error)


def test_sources_follow_each_other():
    overview = Overview(240.0)  # a bin a second
    overview.take(watched(duration_s=100.0), [(2.0, 4.5)], [Span("watching", 0.0, 100.0)])
    overview.take(watched(duration_s=140.0), [(139.5, 140.0)], [Span("too_dark", 0.0, 140.0)])
    wanted = np.zeros(N_BINS)
    wanted[[2, 3, 4, 239]] = [1, 1, 0.5, 0.5]
    np.testing.assert_allclose(overview.event_s, wanted)
    assert overview.state_s[STATES.index("watching")].tolist() == [1.0] * 100 + [0.0] * 140
    assert overview.state_s[STATES.index("too_dark")].sum() == pytest.approx(140)


def test_no_time_is_lost_in_rounding():
    rng, overview = np.random.default_rng(0), Overview(1000 * 0.7)
    for _ in range(1000):
        begin_s = rng.uniform(0, 0.7)
        spans = [Span("watching", 0.0, begin_s), Span("frozen", begin_s, 0.7)]
        overview.take(watched(duration_s=0.7), [], spans)
    assert overview.state_s.sum() == pytest.approx(700)
    np.testing.assert_allclose(overview.state_s.sum(axis=0), 700 / N_BINS)


def test_the_busiest_are_few_and_the_first_come_first():
    overview = Overview(1.0)
    for number in range(300):
        overview.take(watched(event_s=number % 150, name=str(number), duration_s=0.0), [], [])
    assert len(overview.busiest) == 100
    assert [each.name for each in overview.busiest[:4]] == ["149", "299", "148", "298"]
    assert overview.n_events == 300


def test_failures_are_counted_and_some_are_kept():
    overview = Overview(0.0)
    for number in range(150):
        overview.take(watched(name=str(number), n_events=0, duration_s=0.0, error="bad"), [], [])
    assert (overview.n_failed, len(overview.failed), overview.busiest) == (150, 100, [])


def test_intervals_are_joined_where_they_overlap():
    assert joined([(5, 6), (0, 2), (1, 3), (3, 4)]) == [(0, 4), (5, 6)]
    assert joined([]) == []
