"""Scores by category, leak class or video: models down, groups across."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from fgstp.reporting.category_names import category_order, category_title
from fgstp.reporting.columns import ALARM_FRAMES, IOU_AT_T, MIOU, Column
from fgstp.reporting.models import evaluated_rows
from fgstp.reporting.summaries import scores
from fgstp.scoring.protocols import HONEST, PAPER

SHOWN = ((PAPER.name, MIOU), (HONEST.name, IOU_AT_T), (HONEST.name, ALARM_FRAMES))
LEAK_CLASSES = {"-1": "before the release", "8": "after the release"}


class GroupTable(NamedTuple):
    """One metric of all models by group.

    Attributes:
        heading: metric and protocol.
        groups: their names.
        sizes: videos and frames of each group.
        lines: name of a model and its values, as they are written.
    """

    heading: str
    groups: list[str]
    sizes: list[str]
    lines: list[tuple[str, list[str]]]


def group_tables(summaries: pd.DataFrame, by: str) -> list[GroupTable]:
    """Scores by group: mIoU under paper, mIoU@t and false-alarm frames under operational.

    Args:
        summaries: of all models; see `check_summaries`.
        by: `category`, `leak_class` or `video`.

    Returns:
        A table for each of the three that has any value.
    """
    tables = []
    for protocol, column in SHOWN:
        found = scores(summaries, protocol, by)
        found = found[found["metric"] == column.metric]
        if found["value"].notna().any():
            tables.append(_table(found, protocol, column, by))
    return tables


def _table(found: pd.DataFrame, protocol: str, column: Column, by: str) -> GroupTable:
    groups = in_order(found["group"], by)
    sizes = {
        row.group: f"{row.n_videos} v, {row.n_frames:,} f"
        for row in found.drop_duplicates("group").itertuples()
    }
    values = found.set_index(["model", "group"])[["value", "spread"]].T.to_dict("list")
    return GroupTable(
        f"{column.heading}, protocol {protocol}",
        [_group_name(group, by) for group in groups],
        [sizes[group] for group in groups],
        [
            (
                row.title(),
                [column.shown(*values.get((row.model, group), [math.nan])) for group in groups],
            )
            for row in evaluated_rows(found)
        ],
    )


def in_order(groups: Iterable[str], by: str) -> list[str]:
    """Groups once each: categories by distance, else numbers by size and then names."""
    return sorted(set(groups), key=category_order if by == "category" else _order)


def _order(group: str) -> tuple[float, str]:
    try:
        return float(group), ""
    except ValueError:
        return math.inf, group


def _group_name(group: str, by: str) -> str:
    if by == "leak_class":
        number, _ = _order(group)
        plain = f"{number:g}" if math.isfinite(number) else group
        return LEAK_CLASSES.get(plain, plain)
    return category_title(group) if by == "category" else group
