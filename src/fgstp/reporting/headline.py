"""The headline: five figures a model, for the terminal."""

import pandas as pd

from fgstp.reporting.columns import (
    ALARM_FRAMES,
    AUROC,
    DASH,
    IOU_AT_T,
    IOU_GAS_AT_T,
    MIOU,
    Column,
)
from fgstp.reporting.models import evaluated_rows
from fgstp.reporting.scored_footage import ScoredFootage
from fgstp.reporting.summaries import check_summaries, protocol_names, scores
from fgstp.reporting.table_notes import (
    counts,
    mark_notes,
    missing_notes,
    protocol_note,
    training_notes,
)
from fgstp.scoring.protocols import HONEST, PAPER

FIGURES = (
    (PAPER.name, MIOU),
    (HONEST.name, IOU_AT_T),
    (HONEST.name, IOU_GAS_AT_T),
    (HONEST.name, AUROC),
    (HONEST.name, ALARM_FRAMES),
)
GAP = "  "


def headline_rows(summaries: pd.DataFrame) -> pd.DataFrame:
    """The figures of the headline as they are written.

    Args:
        summaries: of all models; see `check_summaries`.

    Returns:
        A row a model: its name as `model`, and a column a figure, named after the metric
        and its protocol; a dash where it is undefined.

    Raises:
        UserError: as `check_summaries`.
    """
    check_summaries(summaries)
    rows = []
    for row in evaluated_rows(summaries):
        own = summaries[summaries["model"] == row.model]
        shown = {f"{c.label}, {name}": _shown(own, name, c) for name, c in FIGURES}
        rows.append({"model": row.title(), **shown})
    return pd.DataFrame(rows)


def _shown(own: pd.DataFrame, protocol: str, column: Column) -> str:
    found = scores(own, protocol)
    values = found.loc[found["metric"] == column.metric, ["value", "spread"]]
    return DASH if values.empty else column.shown(*values.iloc[0])


def headline(summaries: pd.DataFrame, footage: ScoredFootage) -> str:
    """The headline as plain text.

    Args:
        summaries: of all models; see `check_summaries`.
        footage: what they are of.

    Returns:
        What was scored, a line a model, and the protocols of the figures.

    Raises:
        UserError: as `check_summaries`.
    """
    table = headline_rows(summaries)
    lines = [*_heads(table), *_lines(table)]
    scored = counts(scores(summaries, protocol_names(summaries)[0]))
    title = f"Scores on {footage.name}, {footage.masks}; {scored}"
    return "\n".join([title, "", *lines, "", *headline_notes(summaries)]) + "\n"


def headline_notes(summaries: pd.DataFrame) -> list[str]:
    """The protocols of the headline's figures, and its footnotes."""
    overall = {name: scores(summaries, name) for name in protocol_names(summaries)}
    shown = [name for name in (PAPER.name, HONEST.name) if name in overall]
    notes = [protocol_note(name, overall[name]) for name in shown]
    if HONEST.name in shown:
        notes.append("t: a model's own threshold, chosen on validation clips.")
    titles = {row.model: row.title() for row in evaluated_rows(summaries)}
    named = summaries.assign(name=summaries["model"].map(titles))
    for name in shown:
        columns = [column for protocol, column in FIGURES if protocol == name]
        rows = scores(named, name)
        of_columns = rows["metric"].isin([column.metric for column in columns])
        notes += missing_notes(rows[of_columns], columns)
    return notes + training_notes(named) + mark_notes(titles.values())


def _heads(table: pd.DataFrame) -> list[str]:
    """Two lines of headings, metric above protocol, and a rule."""
    widths = _widths(table)
    parts = [str(name).partition(", ") for name in table.columns]
    above = _aligned([metric for metric, _, _ in parts], widths)
    below = _aligned([protocol for _, _, protocol in parts], widths)
    return [above, below, GAP.join("-" * width for width in widths)]


def _lines(table: pd.DataFrame) -> list[str]:
    widths = _widths(table)
    return [_aligned([str(cell) for cell in row], widths) for row in table.to_numpy()]


def _widths(table: pd.DataFrame) -> list[int]:
    return [
        max(*(len(part) for part in str(name).split(", ")), *(len(str(v)) for v in table[name]))
        for name in table.columns
    ]


def _aligned(cells: list[str], widths: list[int]) -> str:
    first, *others = zip(cells, widths, strict=True)
    return GAP.join([first[0].ljust(first[1]), *(cell.rjust(w) for cell, w in others)]).rstrip()
