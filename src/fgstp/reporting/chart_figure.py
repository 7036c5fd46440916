"""Charts as figures of Matplotlib, for papers: the same values as on the page."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator

from fgstp.reporting.charts import Axis, Chart, Series, side_by_side

WIDTH_IN, HEIGHT_IN, LINE_IN, DPI = 5.2, 3.45, 0.15, 200  # a line of the legend comes on top
N_COLUMNS = 3  # of the legend
SMALL, NORMAL = 7, 9  # font sizes
# Distinct for colour-blind readers, with a contrast of 3 to white; those of the page when light.
COLOURS = ("#0063a8", "#c24a00", "#00795a", "#a8487d", "#8a6000", "#4d5660")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def chart_figure(chart: Chart) -> Figure:
    """Draw a chart, with a legend below it."""
    n_lines = -(-len({own.title for own in chart.series}) // N_COLUMNS)
    size_in = WIDTH_IN, HEIGHT_IN + LINE_IN * n_lines
    figure = Figure(figsize=size_in, dpi=DPI, layout="constrained")
    ax = figure.subplots()
    ax.set_title(chart.title, fontsize=NORMAL, parse_math=False)
    if chart.guide:
        ax.plot(*zip(*chart.guide, strict=True), color="0.5", linewidth=0.8, linestyle=":")
    for own, shift in side_by_side(chart.series):
        _draw(ax, own, shift if chart.x.groups else 0.0)
    for axis, name in ((chart.x, "x"), (chart.y, "y")):
        _finish(ax, axis, name)
    handles, labels = ax.get_legend_handles_labels()
    if own_labels := dict(zip(labels, handles, strict=True)):  # seeds share one
        figure.legend(
            own_labels.values(), own_labels, fontsize=SMALL, ncols=N_COLUMNS,
            loc="outside lower center", frameon=False,
        )  # fmt: skip
    return figure


def _draw(ax: Axes, own: Series, shift: float) -> None:
    colour = COLOURS[own.colour]
    if own.kind == "dots":
        ends = own.intervals
        bars = None if ends is None else np.clip([own.y - ends[0], ends[1] - own.y], 0, None)
        if bars is not None and not np.isfinite(bars).any():
            bars = None
        ax.errorbar(
            own.x + shift, own.y, bars, fmt=MARKERS[own.marker], ms=4, elinewidth=1,
            color=colour, label=own.title,
        )  # fmt: skip
        return
    dashes = tuple(map(float, own.dashes.split()))
    line = (0, dashes) if dashes else "-"
    drawn = "steps-post" if own.kind == "steps" else "default"
    ax.plot(
        own.x, own.y, linewidth=1.2, linestyle=line, drawstyle=drawn, color=colour, label=own.title
    )
    if ends := own.intervals:
        ax.fill_between(own.x, *ends, color=colour, alpha=0.14, linewidth=0)


def _finish(ax: Axes, axis: Axis, name: str) -> None:
    places, texts = zip(*axis.ticks(), strict=True) if axis.ticks() else ((), ())
    ax.set(**{f"{name}label": axis.label, f"{name}scale": "log" if axis.is_log else "linear"})
    ax.set(**{f"{name}lim": (axis.low, axis.high)})
    lines = ax.xaxis if name == "x" else ax.yaxis
    lines.label.set_fontsize(NORMAL)
    lines.set_major_locator(FixedLocator(places))
    lines.set_minor_locator(NullLocator())
    lines.set_minor_formatter(NullFormatter())
    turned = axis.groups and name == "x" and max(map(len, texts)) > SMALL
    lines.set_ticklabels(texts, fontsize=SMALL)
    for label in lines.get_ticklabels() if turned else ():
        label.set(rotation=20, ha="right")
    ax.grid(alpha=0.25, linewidth=0.6)
