"""Tables of text: their cells, and metrics as columns."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from fgstp.scoring.metrics import Metric, list_metrics
from fgstp.scoring.protocols import ScoringProtocol

DASH = "–"
MARKS = {1: "best", 2: "second"}  # by rank
SECOND_FROM = 4  # ranked values; among fewer, the second best may also be the worst


class Cell(NamedTuple):
    """A cell of a table.

    Attributes:
        text: the value, or a dash.
        mark: `best`, `second`, or empty.
        detail: small print below it, such as a confidence interval.
    """

    text: str
    mark: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Table:
    """A table for HTML, Markdown or LaTeX.

    Attributes:
        title: title above it.
        heads: headings of the columns.
        rows: cells of each row; the first cell is the heading of the row.
        notes: sentences below it.
    """

    title: str
    heads: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()

    @classmethod
    def of_texts(cls, title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> "Table":
        """Make a table without marks and details."""
        return cls(title, tuple(map(Cell, heads)), tuple(tuple(map(Cell, row)) for row in rows))


class Column(Metric):
    """A metric as a column of tables."""

    @property
    def arrow(self) -> str:
        """Arrow that points in the direction of better values."""
        return "↓" if self.lower_is_better else "↑"

    @property
    def heading(self) -> str:
        """Label and arrow, joined by a non-breaking space."""
        return f"{self.label}\u00a0{self.arrow}"

    @property
    def latex(self) -> str:
        """Label in LaTeX."""
        return self.tex or self.label.replace("%", r"\%").replace("@t", "@$t$")

    def shown(self, value: float, spread: float = math.nan) -> str:
        """Format a value and, if it is not NaN, its spread over seeds; a dash for NaN."""
        if math.isnan(value):
            return DASH
        numbers = [value] if math.isnan(spread) else [value, spread]
        scale = 100 if self.percent else 1
        written = (f"{scale * number:.{self.decimals}f}" for number in numbers)
        return " ± ".join(written).replace("inf", "∞")

    def ranks(self, values: Sequence[float]) -> list[int | None]:
        """Rank values from 1, the best; None for NaN, and for all if none is better than another.

        Values that are written alike share a rank, and ranks have no gaps.
        """
        written = pd.Series([math.nan if math.isnan(v) else float(self.shown(v)) for v in values])
        if written.nunique() < 2:
            return [None] * len(values)
        ranks = written.rank(method="dense", ascending=self.lower_is_better)
        return [None if math.isnan(rank) else int(rank) for rank in ranks]


def mark(rank: int | None, n_ranked: int) -> str:
    """Mark of a rank among `n_ranked` values; may be empty."""
    if pd.isna(rank) or (rank == 2 and n_ranked < SECOND_FROM):
        return ""
    return MARKS.get(rank, "")


def columns(*names: str) -> tuple[Column, ...]:
    """Metrics as columns, by their names."""
    metrics = {metric.name: metric for metric in list_metrics()}
    return tuple(Column(**vars(metrics[name])) for name in names)


PAPER_COLUMNS = columns("s_measure", "weighted_f", "mae", "e_mean", "iou_mean", "dice_mean")
OPERATIONAL_COLUMNS = columns(
    *("iou", "iou_gas", "dice", "weighted_f", "mae", "s_measure", "e_mean"),
    *("average_precision", "auroc", "false_alarm_fraction", "false_alarm"),
)
HEADLINE_COLUMNS = columns("iou_mean", "iou", "iou_gas", "auroc", "false_alarm")
GROUP_COLUMNS = columns("iou_mean", "iou", "false_alarm")


def columns_of(protocol: ScoringProtocol) -> tuple[Column, ...]:
    """Columns that a protocol shows.

    With maps stretched to [0, 1] every frame has predictions, so only the six metrics of the
    paper are shown. Other protocols show the operational metrics, then all others with a label.
    """
    if protocol.norm != "none":
        return PAPER_COLUMNS
    known = {column.name for column in (*PAPER_COLUMNS, *OPERATIONAL_COLUMNS)}
    others = [each.name for each in list_metrics() if each.label and each.name not in known]
    return (*OPERATIONAL_COLUMNS, *columns(*others))
