"""The first table of the page: a row a model, with the scores that matter as dots."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from markupsafe import Markup

from fgstp.reporting import notes
from fgstp.reporting.chart_svg import interval_svg, swatch
from fgstp.reporting.charts import Axis, Floats, Series
from fgstp.reporting.comparison import Comparison
from fgstp.reporting.names import ModelRow
from fgstp.reporting.summaries import scores, selected
from fgstp.reporting.tables import HEADLINE_COLUMNS, Column, mark

OF_EVENTS: tuple[str, ...] = ("event_recall", "false_alarms_per_hour")
MOST_CHOSEN = 6  # models in charts at first: as many as there are colours
OF_SCHEDULE = ("leak_auroc", "found_fraction", "false_alarms_per_hour")  # without masks


class HeadlineCell(NamedTuple):
    """A score of a model: as text, with its mark, and as a dot with its interval."""

    text: str
    mark: str
    dot: Markup


class HeadlineRow(NamedTuple):
    """A model: its name, title, marks in words and legend, and its scores."""

    model: str
    title: str
    marks: str
    legend: Markup
    cells: list[HeadlineCell]


class Headline(NamedTuple):
    """The table.

    Attributes:
        heads: by column: heading, what it is of, and its meaning.
        rows: a row a model.
        best: names of the `MOST_CHOSEN` models that are best by the first column.
    """

    heads: list[tuple[str, str, str]]
    rows: list[HeadlineRow]
    best: frozenset[str]


def headline(comparison: Comparison, rows: Sequence[ModelRow]) -> Headline:
    """Make the table of all models that were evaluated."""
    found = list(_columns(comparison))
    drawn = [_cells(column, rows, values) for column, _, values in found]
    marks = notes.footage_marks(comparison.footage.mask_sources)
    return Headline(
        [(column.heading, of, column.meaning) for column, of, _ in found],
        [
            HeadlineRow(
                row.model, row.title(), marks, legend(row, place), [each[place] for each in drawn]
            )
            for place, row in enumerate(rows)
        ],
        _best(found, rows),
    )


def _best(
    found: Sequence[tuple[Column, str, pd.DataFrame]], rows: Sequence[ModelRow]
) -> frozenset[str]:
    names = [row.model for row in rows]
    if not found:
        return frozenset(names[:MOST_CHOSEN])
    column, _, scored = found[0]
    values = scored.drop_duplicates("model").set_index("model")["value"].reindex(names)
    order = values.sort_values(ascending=column.lower_is_better, kind="stable")
    return frozenset(order.index[:MOST_CHOSEN])


def legend(row: ModelRow, place: int) -> Markup:
    """Line and marker of a model."""
    return swatch(Series(row.model, row.title(), place, np.zeros(0), np.zeros(0)))


def _columns(comparison: Comparison) -> Iterator[tuple[Column, str, pd.DataFrame]]:
    """Columns, what they are of, and their rows with `model`, `value`, `low`, `high`, `spread`."""
    summaries = comparison.summaries
    for protocol, columns in selected(summaries, HEADLINE_COLUMNS):
        own = scores(summaries, protocol)
        for column in columns:
            told = notes.short_title(comparison.protocols[protocol])
            yield column, told, own[own["metric"] == column.name]
    tables = [(comparison.events, OF_EVENTS, "events")]
    if not comparison.protocols:
        tables.append((comparison.detection, OF_SCHEDULE, "leak schedule"))
    for table, names, of in tables:
        for block in table.blocks if table else ():
            for column in block.columns:
                if column.name in names:
                    yield column, of, block.tidy[block.tidy["metric"] == column.name]


def _cells(column: Column, rows: Sequence[ModelRow], found: pd.DataFrame) -> list[HeadlineCell]:
    by_model = found.drop_duplicates("model").set_index("model")
    by_model = by_model.reindex([row.model for row in rows])
    values, lows, highs, spreads = (
        by_model[name].to_numpy(np.float64) for name in ("value", "low", "high", "spread")
    )
    ranked = np.where([row.prompt == "all_masks" for row in rows], np.nan, values)
    ranks = column.ranks(ranked.tolist())
    n_ranked = sum(rank is not None for rank in ranks)
    axis = _axis(column, np.concatenate([values, lows, highs]))
    cells = []
    for place, row in enumerate(rows):
        text = column.shown(values[place], spreads[place])
        ends = lows[place : place + 1], highs[place : place + 1]
        own = Series(row.model, row.title(), place, np.zeros(1), values[place : place + 1], *ends)
        told = f"{row.title()}: {column.label} {text}{_interval(column, lows[place], highs[place])}"
        cells.append(
            HeadlineCell(text, mark(ranks[place], n_ranked), interval_svg(axis, own, told))
        )
    return cells


def _axis(column: Column, values: Floats) -> Axis:
    """From 0 to 1 for shares; else from 0 to the highest value."""
    highest = np.max(values[np.isfinite(values)], initial=0.0)
    return Axis(column.label, 0.0, 1.0 if highest <= 1 else float(highest) * 1.05)


def _interval(column: Column, low: float, high: float) -> str:
    if math.isnan(low) or math.isnan(high):
        return ""
    return f", 95 % interval {column.shown(low)} to {column.shown(high)}"


def headline_notes(comparison: Comparison, rows: Sequence[ModelRow]) -> list[str]:
    """What dots and marks mean."""
    return [
        "Dot and bar: value and 95 % interval on an axis from 0 to 1, or to the highest; bold "
        "green: best; underlined: second best, among four models or more.",
        *notes.mark_notes(row.title() for row in rows),
    ]
