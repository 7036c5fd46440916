"""Scores by category, leak class or video: models down, groups across."""

import math
from collections.abc import Iterable

import pandas as pd

from fgstp.reporting.models import evaluated_rows
from fgstp.reporting.summaries import scores, selected
from fgstp.reporting.tables import GROUP_COLUMNS, Cell, Column, Table

DISTANCES = ("close", "medium", "long")
LEAK_CLASSES = {"-1": "before the release", "8": "after the release"}


def group_tables(summaries: pd.DataFrame, by: str) -> list[Table]:
    """Tables of a few metrics by group.

    Args:
        summaries: summaries of all models, checked by `check_summaries`.
        by: `category`, `leak_class` or `video`.

    Returns:
        A table for each protocol and metric of `GROUP_COLUMNS` that has any value.
    """
    tables = []
    for protocol, columns in selected(summaries, GROUP_COLUMNS):
        for column in columns:
            found = scores(summaries, protocol, by)
            found = found[found["metric"] == column.metric]
            if found["value"].notna().any():
                tables.append(_table(found, protocol, column, by))
    return tables


def _table(found: pd.DataFrame, protocol: str, column: Column, by: str) -> Table:
    sizes = {
        str(row.group): f"{row.n_videos} v, {row.n_frames:,} f"
        for row in found.drop_duplicates("group").itertuples()
    }
    groups = in_order(sizes, by)
    values = found.set_index(["model", "group"])[["value", "spread"]].T.to_dict("list")
    heads = [Cell(group_title(group, by), detail=sizes[group]) for group in groups]
    rows = [
        (
            Cell(row.title()),
            *(Cell(column.shown(*values.get((row.model, group), [math.nan]))) for group in groups),
        )
        for row in evaluated_rows(found)
    ]
    return Table(f"{column.heading}, protocol {protocol}", (Cell("model"), *heads), tuple(rows))


def in_order(groups: Iterable[str], by: str) -> list[str]:
    """Sort groups: categories by distance, others as numbers and then as text."""
    return sorted(set(groups), key=category_order if by == "category" else _number)


def category_order(category: str) -> tuple[float, str]:
    """Sorting key of a category: by distance, then by name; unknown distances last."""
    distance = category.partition("_")[0]
    return DISTANCES.index(distance) if distance in DISTANCES else math.inf, category


def _number(group: str) -> tuple[float, str]:
    try:
        return float(group), ""
    except ValueError:
        return math.inf, group


def group_title(group: str, by: str) -> str:
    """A group in words, such as `close, complex` for the category `close_complex`."""
    if by == "leak_class":
        number, _ = _number(group)
        plain = f"{number:g}" if math.isfinite(number) else group
        return LEAK_CLASSES.get(plain, plain)
    return group.replace("_", ", ") if by == "category" else group
