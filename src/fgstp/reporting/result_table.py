"""A result table: blocks of rows, each with a heading and notes of its own."""

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from fgstp.reporting.columns import DASH, Column

PUBLISHED = "published"  # name of the block of published rows
TIDY_COLUMNS = {  # and their types; whole numbers that may be missing are Int64
    "table": "str",
    "block": "str",
    "model": "str",
    "name": "str",
    "protocol": "str",
    "protocol_tuple": "str",
    "data": "str",
    "mask_source": "str",
    "source": "str",
    "metric": "str",
    "value": "float64",
    "low": "float64",
    "high": "float64",
    "spread": "float64",
    "n_seeds": "Int64",
    "thresholds": "str",
    "interval_over": "str",
    "n_videos": "Int64",
    "n_clips": "Int64",
    "n_frames": "Int64",
    "rank": "Int64",
    "note": "str",
}


class Cell(NamedTuple):
    """A value as it is written.

    Attributes:
        text: the value, with its spread over several trainings, or a dash.
        rank: 1 for the best of the block; None if it is not ranked.
        interval: its ends, such as `0.412–0.476`; empty if there is none.
    """

    text: str
    rank: int | None = None
    interval: str = ""


class Line(NamedTuple):
    """A line of a block.

    Attributes:
        name: of the model.
        cells: one a column.
    """

    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, eq=False)
class Block:
    """Rows that compare with each other.

    Attributes:
        name: what the csv calls it.
        heading: what stands above it.
        columns: its metrics.
        rows: tidy, a row for each model and metric, in the order of the lines; columns as
            `TIDY_COLUMNS`.
        notes: sentences that stand beneath it.
        interval_notes: sentences on the intervals, for where these are at hand.
        thresholds: level, 0 to 255, or levels from to, by model; None if the block does not
            show them.
    """

    name: str
    heading: str
    columns: tuple[Column, ...]
    rows: pd.DataFrame
    notes: tuple[str, ...]
    interval_notes: tuple[str, ...] = ()
    thresholds: dict[str, str] | None = None

    @property
    def lines(self) -> list[Line]:
        """Its lines as they are written."""
        return [self._line(model, group) for model, group in self.rows.groupby("model", sort=False)]

    def _line(self, model: Hashable, group: pd.DataFrame) -> Line:
        by_metric = group.set_index("metric")
        cells = [_cell(column, by_metric.loc[column.metric]) for column in self.columns]
        if self.thresholds is not None:
            cells.append(Cell(self.thresholds.get(str(model), DASH)))
        return Line(str(group["name"].iloc[0]), tuple(cells))


def _cell(column: Column, row: Any) -> Cell:  # noqa: ANN401 - a row of a table
    low, high = float(row["low"]), float(row["high"])
    interval = "" if math.isnan(low) else f"{column.shown(low)}–{column.shown(high)}"
    rank = None if pd.isna(row["rank"]) else int(row["rank"])
    return Cell(column.shown(float(row["value"]), float(row["spread"])), rank, interval)


@dataclass(frozen=True, eq=False)
class ResultTable:
    """A table of the report.

    Attributes:
        name: `table1` or `table2`, which names its files.
        title: what it compares.
        blocks: from top to bottom.
        notes: sentences that hold for all blocks of ours.
    """

    name: str
    title: str
    blocks: tuple[Block, ...]
    notes: tuple[str, ...]

    def tidy(self) -> pd.DataFrame:
        """All its figures, a row for each block, model and metric.

        Shares are shares here, also where the written table has percent. Of the published
        rows, `protocol` and all counts are missing, since nobody states them.
        """
        return pd.concat([block.rows for block in self.blocks], ignore_index=True)
