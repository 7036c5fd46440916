"""Charts: axes, and that page and paper draw the same values."""

import re

import numpy as np
import pytest

from fgstp.reporting.chart_figure import chart_figure
from fgstp.reporting.chart_svg import chart_svg
from fgstp.reporting.charts import Axis, Chart, Series

NAN = float("nan")


@pytest.mark.parametrize(
    ("axis", "labels"),
    [
        (Axis("a"), ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        (Axis("a", 0, 37), ["0", "10", "20", "30"]),
        (Axis("a", 1, 100, is_log=True), ["1", "10", "100"]),
        (Axis.of_groups("a", ["near", "far"]), ["near", "far"]),
    ],
)
def test_ticks_are_round_and_inside(axis, labels):
    values, texts = zip(*axis.ticks(), strict=True)
    assert list(texts) == labels
    assert min(values) >= axis.low
    assert max(values) <= axis.high


def test_equal_ratios_are_equally_far_on_a_logarithmic_axis():
    places = Axis("a", 1, 10_000, is_log=True).fraction([1, 10, 100, 1000, 10_000])
    assert places == pytest.approx([0, 0.25, 0.5, 0.75, 1])


def chart(**changes):
    x, y = np.array([0.0, 0.5, 1.0]), np.array([0.0, NAN, 1.0])
    series = Series("m", "<b>", 0, x, y, **changes)
    return Chart("name", "A chart", Axis("x"), Axis("y"), (series,))


def test_a_line_breaks_where_a_value_is_missing_and_text_is_no_markup():
    svg = str(chart_svg(chart()))
    line = re.search(r'class="line" d="([^"]*)"', svg)[1]
    assert line.count("M") == 2
    assert "<b>" not in svg
    assert "&lt;b&gt;" in svg


def test_page_and_paper_draw_the_same_values():
    drawn = chart(kind="dots", low=np.array([0, 0, 0.9]), high=np.array([0.1, 1, 1.0]))
    svg = str(chart_svg(drawn))
    assert svg.count('class="dot"') == 2  # without the missing one
    assert "1 (0.9 to 1)" in svg
    [ax] = chart_figure(drawn).axes
    assert ax.lines[0].get_ydata().tolist() == pytest.approx([0, NAN, 1], nan_ok=True)
    rows = drawn.tidy()
    assert rows["y"].tolist() == pytest.approx([0, NAN, 1], nan_ok=True)
    assert rows["high"].tolist() == [0.1, 1, 1]
