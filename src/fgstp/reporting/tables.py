"""Written tables: their cells, and the columns of metrics."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from fgstp.scoring.protocols import Protocol

DASH = "–"
MARKS = {1: "best", 2: "second"}  # by rank
SECOND_FROM = 4  # ranked values; among fewer, the second best may also be the worst


class Cell(NamedTuple):
    """A cell of a written table.

    Attributes:
        text: the value, or a dash.
        mark: `best`, `second`, or empty.
        detail: small print beneath it, such as a confidence interval.
    """

    text: str
    mark: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Table:
    """A table as it is written, in HTML, Markdown or LaTeX.

    Attributes:
        title: heading above it.
        heads: headings of the columns.
        rows: cells of each row; the first cell is the heading of the row.
        notes: sentences beneath it.
    """

    title: str
    heads: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()


class Column(NamedTuple):
    """A metric as a column.

    Attributes:
        metric: name of the metric in the scores.
        label: heading in plain text.
        tex: heading in LaTeX.
        meaning: explanation of the label.
        lower_is_better: whether lower values are better.
        percent: whether the fraction is written in percent.
        decimals: digits after the decimal point.
    """

    metric: str
    label: str
    tex: str
    meaning: str
    lower_is_better: bool = False
    percent: bool = False
    decimals: int = 3

    @property
    def arrow(self) -> str:
        """Arrow that points in the direction of better values."""
        return "↓" if self.lower_is_better else "↑"

    @property
    def heading(self) -> str:
        """Label and arrow, joined by a non-breaking space."""
        return f"{self.label}\u00a0{self.arrow}"

    def shown(self, value: float, spread: float = math.nan) -> str:
        """Format a value; a dash if it is undefined.

        Args:
            value: the value.
            spread: its standard deviation over training seeds; NaN for a single training.
        """
        if math.isnan(value):
            return DASH
        numbers = [value] if math.isnan(spread) else [value, spread]
        scale = 100 if self.percent else 1
        return " ± ".join(f"{scale * number:.{self.decimals}f}" for number in numbers)

    def ranks(self, values: Sequence[float]) -> list[int | None]:
        """Rank values, 1 being the best.

        Values that are written alike share a rank, and ranks have no gaps.

        Args:
            values: values of the models of a block; NaN where undefined.

        Returns:
            The ranks; None where a value is undefined, and for all if fewer than two are
            defined.
        """
        written = pd.Series([math.nan if math.isnan(v) else float(self.shown(v)) for v in values])
        if written.count() < 2:
            return [None] * len(values)
        ranks = written.rank(method="dense", ascending=self.lower_is_better)
        return [None if math.isnan(rank) else int(rank) for rank in ranks]


S = Column("s_measure", "S", r"$S_\alpha$", "structure measure")
WEIGHTED_F = Column("weighted_f", "Fw", r"$F^{\omega}_{\beta}$", "weighted F-measure")
MAE = Column("mae", "MAE", r"$\mathcal{M}$", "mean absolute error", lower_is_better=True)
MEAN_E = Column("e_mean", "E", r"$E_\phi$", "E-measure, mean over 256 thresholds")
MIOU = Column("iou_mean", "mIoU", "mIoU", "IoU, mean over 256 thresholds")
MDICE = Column("dice_mean", "mDice", "mDice", "Dice, mean over 256 thresholds")
IOU_AT_T = Column("iou", "mIoU@t", "mIoU@$t$", "mean IoU at the threshold t")
IOU_GAS_AT_T = Column("iou_gas", "mIoU@t gas", "mIoU@$t$ gas", "mean IoU at t over frames with gas")
DICE_AT_T = Column("dice", "mDice@t", "mDice@$t$", "mean Dice at the threshold t")
AVERAGE_PRECISION = Column(
    "average_precision", "AP", "AP", "average precision of detecting frames with gas"
)
AUROC = Column("auroc", "AUROC", "AUROC", "area under the ROC curve of detecting frames with gas")
ALARM_PIXELS = Column(
    "false_alarm_fraction",
    "FA pixels (%)",
    r"FA pixels (\%)",
    "false-alarm pixels, in percent of the pixels of frames without gas",
    lower_is_better=True,
    percent=True,
    decimals=2,
)
ALARM_FRAMES = Column(
    "false_alarm",
    "FA frames (%)",
    r"FA frames (\%)",
    "false-alarm frames, in percent of the frames without gas",
    lower_is_better=True,
    percent=True,
    decimals=1,
)

PAPER_COLUMNS = (S, WEIGHTED_F, MAE, MEAN_E, MIOU, MDICE)
OPERATIONAL_COLUMNS = (
    IOU_AT_T,
    IOU_GAS_AT_T,
    DICE_AT_T,
    WEIGHTED_F,
    MAE,
    S,
    MEAN_E,
    AVERAGE_PRECISION,
    AUROC,
    ALARM_PIXELS,
    ALARM_FRAMES,
)
HEADLINE_COLUMNS = (MIOU, IOU_AT_T, IOU_GAS_AT_T, AUROC, ALARM_FRAMES)
GROUP_COLUMNS = (MIOU, IOU_AT_T, ALARM_FRAMES)


def columns_of(protocol: Protocol) -> tuple[Column, ...]:
    """Columns that a protocol shows.

    A protocol that stretches each map to [0, 1] predicts something on every frame, so it shows
    the six metrics of the paper, and neither false alarms nor scores at a chosen threshold.
    """
    return OPERATIONAL_COLUMNS if protocol.norm == "none" else PAPER_COLUMNS
