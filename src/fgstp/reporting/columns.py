"""Columns of the tables: which metric, what it is called, how it is written and ranked."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

DASH = "–"


class Column(NamedTuple):
    """A metric as a column.

    Attributes:
        metric: its name in the scores.
        label: its heading, in plain text.
        tex: its heading in LaTeX.
        lower_is_better: as for errors and false alarms.
        percent: whether its share is written in percent.
        decimals: digits after the point.
    """

    metric: str
    label: str
    tex: str
    lower_is_better: bool = False
    percent: bool = False
    decimals: int = 3

    @property
    def arrow(self) -> str:
        """Which way is better."""
        return "↓" if self.lower_is_better else "↑"

    @property
    def heading(self) -> str:
        """Its label and arrow, which no line break parts."""
        return f"{self.label}\u00a0{self.arrow}"

    def shown(self, value: float, spread: float = math.nan) -> str:
        """A value as tables write it, a dash if it is undefined.

        Args:
            value: the value.
            spread: its standard deviation over trainings; NaN if there is but one.
        """
        if math.isnan(value):
            return DASH
        numbers = [value] if math.isnan(spread) else [value, spread]
        scale = 100 if self.percent else 1
        return " ± ".join(f"{scale * number:.{self.decimals}f}" for number in numbers)

    def ranks(self, values: Sequence[float]) -> list[int | None]:
        """Rank of each value, 1 the best.

        Values that are written alike share a rank, and the next one follows without a gap.

        Args:
            values: of the models of one block; NaN where undefined.

        Returns:
            The ranks; None where the value is undefined, and everywhere if fewer than two
            are defined, since one alone is neither best nor second.
        """
        written = pd.Series([math.nan if math.isnan(v) else float(self.shown(v)) for v in values])
        if written.count() < 2:
            return [None] * len(values)
        ranks = written.rank(method="dense", ascending=self.lower_is_better)
        return [None if math.isnan(rank) else int(rank) for rank in ranks]


S = Column("s_measure", "S", r"$S_\alpha$")
WEIGHTED_F = Column("weighted_f", "Fw", r"$F^{\omega}_{\beta}$")
MAE = Column("mae", "MAE", r"$\mathcal{M}$", lower_is_better=True)
MEAN_E = Column("e_mean", "E", r"$E_\phi$")
MIOU = Column("iou_mean", "mIoU", "mIoU")
MDICE = Column("dice_mean", "mDice", "mDice")
IOU_AT_T = Column("iou", "mIoU@t", "mIoU@$t$")
IOU_GAS_AT_T = Column("iou_gas", "mIoU@t gas", "mIoU@$t$ gas")
DICE_AT_T = Column("dice", "mDice@t", "mDice@$t$")
AVERAGE_PRECISION = Column("average_precision", "AP", "AP")
AUROC = Column("auroc", "AUROC", "AUROC")
ALARM_PIXELS = Column(
    "false_alarm_fraction",
    "false-alarm pixels (%)",
    r"FA pixels (\%)",
    lower_is_better=True,
    percent=True,
    decimals=2,
)
ALARM_FRAMES = Column(
    "false_alarm",
    "false-alarm frames (%)",
    r"FA frames (\%)",
    lower_is_better=True,
    percent=True,
    decimals=1,
)

PAPER_COLUMNS = (S, WEIGHTED_F, MAE, MEAN_E, MIOU, MDICE)
HONEST_COLUMNS = (
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
