"""Charts of frame scores: how well they tell frames with gas from others."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from fgstp.reporting.charts import Axis, Chart, Series
from fgstp.reporting.names import ModelRow
from fgstp.scoring.metrics.detection import rank
from fgstp.scoring.summary import SEED

N_BINS = 10  # of calibration, with as many frames each
FIRST = "First training of each model, all scored frames alike."
DIAGONAL = ((0.0, 0.0), (1.0, 1.0))


def first_training(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the first training of a model, by its column `seed`."""
    if rows.empty:
        return rows
    first = rows[SEED].iloc[0]
    return rows[rows[SEED].isna() if pd.isna(first) else rows[SEED] == first]


def frame_charts(frames: Mapping[str, pd.DataFrame], rows: Sequence[ModelRow]) -> list[Chart]:
    """Precision-recall, ROC and calibration of frame scores; none if all frames, or none, have gas.

    Args:
        frames: by model: scores of its frames under one protocol, with `gas`, `frame_score` and
            `seed`.
        rows: the models in order.
    """
    drawn = list(_ranked(frames, rows))
    if not drawn:
        return []
    recall, share = Axis("recall"), Axis("share of frames with gas")
    false, true, score = map(Axis, ("false-positive rate", "true-positive rate", "frame score"))
    curves = (
        ("precision_recall", "Precision and recall by frame", recall, Axis("precision"), None),
        ("roc", "ROC by frame", false, true, DIAGONAL),
        ("frame_calibration", "Calibration of frame scores", score, share, DIAGONAL),
    )
    notes = (
        f"{FIRST} Its area is AP of the tables, but for their interpolation.",
        f"{FIRST} Its area is AUROC of the tables; dotted: chance.",
        f"{FIRST} Tenths of the frames by their score: mean score, and the share that has gas. On "
        "the dotted line a score is a probability.",
    )
    return [
        Chart(name, title, x, y, series, note, guide)
        for (name, title, x, y, guide), note, series in zip(
            curves, notes, zip(*drawn, strict=True), strict=True
        )
    ]


def _ranked(
    frames: Mapping[str, pd.DataFrame], rows: Sequence[ModelRow]
) -> Iterator[tuple[Series, Series, Series]]:
    for place, row in enumerate(rows):
        own = first_training(frames[row.model])
        gas = own["gas"].to_numpy(bool)
        if not 0 < gas.sum() < gas.size:
            continue
        scores = own["frame_score"].to_numpy(np.float64)
        found, taken = rank(gas, scores).curve(np.ones(gas.size))
        recall, false = found / gas.sum(), (taken - found) / (~gas).sum()
        of = (row.model, row.title(), place)
        tenths = np.array_split(np.argsort(scores, kind="stable"), min(N_BINS, gas.size))
        mean_scores = np.array([scores[each].mean() for each in tenths])
        shares = np.array([gas[each].mean() for each in tenths])
        yield (
            Series(*of, recall, found / taken),
            Series(*of, np.append(0.0, false), np.append(0.0, recall)),
            Series(*of, mean_scores, shares, kind="dots"),
        )
