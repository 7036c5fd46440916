"""Charts as SVG inside a page, whose colours are those of the page."""

from collections.abc import Iterator, Sequence

import numpy as np
from markupsafe import Markup, escape

from fgstp.reporting.charts import Axis, Chart, Floats, Series, side_by_side

WIDTH, HEIGHT = 460, 320
LEFT, RIGHT, TOP, BOTTOM = 54, 12, 12, 46  # margins
MOST_POINTS = 400  # of a line; more cannot be told apart
LONG_LABEL, MOST_LEVEL = 9, 6  # characters and groups from which labels are turned
# Paths of the markers around 0, 0, by number.
MARKERS = (
    "M4,0A4,4 0 1 1 -4,0A4,4 0 1 1 4,0Z",
    "M-3.5,-3.5H3.5V3.5H-3.5Z",
    "M0,-4.6L4.4,3.4H-4.4Z",
    "M0,-5L5,0L0,5L-5,0Z",
    "M0,4.6L4.4,-3.4H-4.4Z",
    "M-1.5,-4.5H1.5V-1.5H4.5V1.5H1.5V4.5H-1.5V1.5H-4.5V-1.5H-1.5Z",
    "M-4.5,-2.5L-2.5,-4.5L0,-2L2.5,-4.5L4.5,-2.5L2,0L4.5,2.5L2.5,4.5L0,2L-2.5,4.5L-4.5,2.5L-2,0Z",
)


def chart_svg(chart: Chart) -> Markup:
    """Draw a chart; each series is a group with `data-model`, and each dot tells its values."""
    name = escape(f"{chart.title}: {chart.y.label} against {chart.x.label}")
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{name}">',
        *_axes(chart),
        *_guide(chart),
    ]
    is_grouped = bool(chart.x.groups)
    for own, shift in side_by_side(chart.series):
        parts.append(group_of(own))
        parts += _series(chart, own, shift if is_grouped else 0.0)
        parts.append("</g>")
    return Markup("\n".join([*parts, "</svg>"]))


def group_of(own: Series) -> str:
    """Begin of the group of a series."""
    dashes = f' stroke-dasharray="{own.dashes}"' if own.dashes else ""
    return f'<g class="c{own.colour}" data-model="{escape(own.model)}"{dashes}>'


def swatch(own: Series) -> Markup:
    """A sample of the line and the marker of a series, for a legend."""
    return Markup(
        '<svg class="swatch" viewBox="-14 -7 28 14" aria-hidden="true">'
        f'{group_of(own)}<path class="line" d="M-13,0H13"/>'
        f'<path class="dot" d="{MARKERS[own.marker]}"/></g></svg>'
    )


def interval_svg(axis: Axis, own: Series, text: str) -> Markup:
    """A dot with its interval along a short axis, for a cell of a table; `own` has one value."""
    [(at, low, high)] = zip(own.y, *(own.intervals or (own.y, own.y)), strict=True)
    places = 4 + 112 * np.clip(axis.fraction([at, low, high]), 0, 1)
    if np.isnan(places[0]):
        return Markup("")
    bar = "" if np.isnan(places[1:]).any() else f"M{places[1]:.1f},7H{places[2]:.1f}"
    return Markup(
        f'<svg class="interval" viewBox="0 0 120 14" role="img" aria-label="{escape(text)}">'
        f'<path class="grid" d="M4,7H116"/>{group_of(own)}<path class="bar" d="{bar}"/>'
        f'<path class="dot" transform="translate({places[0]:.1f} 7)" '
        f'd="{MARKERS[own.marker]}"/></g></svg>'
    )


def _right(axis: Axis, values: Floats | list[float]) -> Floats:
    return LEFT + np.clip(axis.fraction(values), 0, 1) * (WIDTH - LEFT - RIGHT)


def _down(axis: Axis, values: Floats | list[float]) -> Floats:
    return HEIGHT - BOTTOM - np.clip(axis.fraction(values), 0, 1) * (HEIGHT - TOP - BOTTOM)


def _axes(chart: Chart) -> Iterator[str]:
    bottom, end = HEIGHT - BOTTOM, WIDTH - RIGHT
    for value, text in chart.y.ticks():
        [y] = _down(chart.y, [value])
        yield f'<path class="grid" d="M{LEFT},{y:.1f}H{end}"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{escape(text)}</text>'
    groups = chart.x.groups
    turned = len(groups) > MOST_LEVEL or any(len(name) > LONG_LABEL for name in groups)
    for value, text in chart.x.ticks():
        [x] = _right(chart.x, [value])
        yield f'<path class="grid" d="M{x:.1f},{bottom}v4"/>'
        if groups and turned:
            place = f'transform="translate({x + 3:.1f} {bottom + 12}) rotate(-16)"'
            yield f'<text class="tiny" {place} text-anchor="end">{escape(text)}</text>'
        else:
            anchor = f'x="{x:.1f}" y="{bottom + 17}" text-anchor="middle"'
            yield f"<text {anchor}>{escape(text)}</text>"
    yield f'<path class="axis" d="M{LEFT},{TOP}V{bottom}H{end}"/>'
    middle = (LEFT + end) / 2
    yield f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{escape(chart.x.label)}</text>'
    place = f'transform="translate(13 {(TOP + bottom) / 2}) rotate(-90)"'
    yield f'<text {place} text-anchor="middle">{escape(chart.y.label)}</text>'


def _guide(chart: Chart) -> Iterator[str]:
    if chart.guide:
        (x0, x1), (y0, y1) = zip(*chart.guide, strict=True)
        xs, ys = _right(chart.x, [x0, x1]), _down(chart.y, [y0, y1])
        yield f'<path class="guide" d="M{xs[0]:.1f},{ys[0]:.1f}L{xs[1]:.1f},{ys[1]:.1f}"/>'


def _series(chart: Chart, own: Series, shift: float) -> Iterator[str]:
    if own.kind == "dots":
        yield from _dots(chart, own, shift)
        return
    kept = _thinned(own.x.size)
    xs = _right(chart.x, own.x[kept])
    if ends := own.intervals:
        low, high = (_down(chart.y, end[kept]) for end in ends)
        sound = np.isfinite(low) & np.isfinite(high) & np.isfinite(xs)
        there = [f"{x:.1f},{y:.1f}" for x, y in zip(xs[sound], high[sound], strict=True)]
        back = [f"{x:.1f},{y:.1f}" for x, y in zip(xs[sound], low[sound], strict=True)]
        if there:
            yield f'<path class="band" d="M{"L".join([*there, *back[::-1]])}Z"/>'
    line = path_of(xs, _down(chart.y, own.y[kept]), steps=own.kind == "steps")
    yield f'<path class="line" d="{line}"><title>{escape(own.title)}</title></path>'


def _thinned(number: int) -> slice | Floats:
    """Places of at most `MOST_POINTS` points, the first and the last among them."""
    if number <= MOST_POINTS:
        return slice(None)
    return np.linspace(0, number - 1, MOST_POINTS).round().astype(np.intp)


def path_of(xs: Floats, ys: Floats, *, steps: bool = False) -> str:
    """The path through points, which breaks at NaN; with `steps`, it is level up to each x."""
    parts, pen = [], "M"
    for x, y in zip(xs, ys, strict=True):
        if np.isnan(x) or np.isnan(y):
            pen = "M"
            continue
        parts.append(f"H{x:.1f}V{y:.1f}" if steps and pen == "L" else f"{pen}{x:.1f},{y:.1f}")
        pen = "L"
    return "".join(parts)


def _dots(chart: Chart, own: Series, shift: float) -> Iterator[str]:
    xs, ys = _right(chart.x, own.x + shift), _down(chart.y, own.y)
    low, high = own.intervals or (np.full(own.y.shape, np.nan),) * 2
    tops, ends = _down(chart.y, high), _down(chart.y, low)
    for x, y, top, end, *told in zip(xs, ys, tops, ends, own.x, own.y, low, high, strict=True):
        if np.isnan(x) or np.isnan(y):
            continue
        bar = "" if np.isnan([top, end]).any() else f"M{x:.1f},{top:.1f}V{end:.1f}"
        yield (
            f'<g><title>{escape(_told(chart, own, told))}</title><path class="bar" d="{bar}"/>'
            f'<path class="dot" transform="translate({x:.1f} {y:.1f})" '
            f'd="{MARKERS[own.marker]}"/></g>'
        )


def _told(chart: Chart, own: Series, values: Sequence[float]) -> str:
    x, y, low, high = values
    where = chart.x.groups[round(x)] if chart.x.groups else f"{x:.3g}"
    between = "" if np.isnan([low, high]).any() else f" ({low:.3g} to {high:.3g})"
    return f"{own.title}, {where}: {y:.3g}{between}"
