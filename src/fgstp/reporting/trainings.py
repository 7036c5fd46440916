"""Trainings of the models: a table, their epochs, and charts of losses and validation scores."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fgstp.reporting.charts import Axis, Chart, Series
from fgstp.reporting.names import ModelRow, model_rows
from fgstp.reporting.tables import DASH, Table

MONITOR = "val_miou"  # score of the comparison, if the models were not all chosen by one score
LABELS = {
    "train_loss": "loss",
    "val_miou": "mIoU, all frames",
    "val_miou_gas": "mIoU, frames with gas",
    "val_iou": "IoU over all pixels",
}
HEADS = ("model", "parameters", "epochs", "best epoch", "ended because", "validation score")
ENDED_BY = {
    "epochs": "all epochs done",
    "early stop": "early stopping",
    "time limit": "time limit",
    "divergence": "loss not finite: failed",
}
EPOCHS_NOTE = "A line a training seed; the dot is the epoch of the checkpoint."
HISTORY = ("model", "seed", "epoch", "train_loss", MONITOR)  # columns at least

Training = Mapping[str, Any]
ByModel = Mapping[str, Sequence[Training]]


def training_table(trainings: ByModel) -> Table:
    """A table with a row for each training.

    Args:
        trainings: by model: the record of each of its trainings, with `trained`, `parameters`,
            the best `epoch`, `n_epochs`, `ended_by`, `monitor`, `scores` and `seed`; missing
            values become dashes.
    """
    rows = []
    for row in model_rows(trainings):
        several = len(trainings[row.model]) > 1
        for training in trainings[row.model]:
            seed = f", seed {training.get('seed', DASH)}" if several else ""
            rows.append([f"{row.title()}{seed}", *_texts(training)])
    return Table.of_texts("Trainings", HEADS, rows)


def _texts(training: Training) -> list[str]:
    parameters = training.get("parameters")
    written = DASH if parameters is None else f"{parameters:,}"
    if not training.get("trained"):
        given = training.get("checkpoint")
        return [written, DASH, DASH, f"given: {given}" if given else "not trained", DASH]
    ended_by = str(training.get("ended_by", DASH))
    monitor = training.get("monitor", MONITOR)
    score = training.get("scores", {}).get(monitor)
    return [
        written,
        str(training.get("n_epochs", DASH)),
        str(training.get("epoch", DASH)),
        ENDED_BY.get(ended_by, ended_by),
        DASH if score is None else f"{LABELS[monitor]}: {score:.3f}",
    ]


def training_history(trainings: ByModel) -> pd.DataFrame:
    """A row for each epoch of each training: `model`, `seed`, `epoch`, losses and scores.

    Args:
        trainings: see `training_charts`; models without training have no rows.
    """
    rows = [
        {"model": row.model, "seed": training.get("seed"), **epoch}
        for row in model_rows(trainings)
        for training in trainings[row.model]
        for epoch in training.get("epochs", [])
    ]
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=list(HISTORY))


def training_charts(trainings: ByModel, rows: Sequence[ModelRow]) -> list[Chart]:
    """Losses and validation scores of all trainings by epoch; none if nothing was trained.

    A line a training, so that those of the seeds of a model lie side by side; a dot marks the
    epoch of its checkpoint. The score is the `monitor` of the trainings if they share it.

    Args:
        trainings: by model: the record of each of its trainings, with the best `epoch` and
            `epochs`, a list of mappings with `epoch`, `train_...` losses and `val_...` scores.
        rows: all models in order.
    """
    trained = [
        (place, row, each)
        for place, row in enumerate(rows)
        for each in trainings[row.model]
        if each.get("epochs")
    ]
    monitors = {each.get("monitor", MONITOR) for _, _, each in trained}
    score = monitors.pop() if len(monitors) == 1 else MONITOR
    drawn = (("training_loss", "train_loss", "Training loss"),
             ("validation_score", score, f"Validation score: {LABELS[score]}"))  # fmt: skip
    charts = []
    for name, column, title in drawn:
        series = [line for each in trained for line in _lines(*each, column)]
        if series:
            xs, ys = (np.concatenate([getattr(own, of) for own in series]) for of in "xy")
            axes = Axis.around("epoch", xs), Axis.around(LABELS[column], ys, from_zero=True)
            charts.append(Chart(name, title, *axes, tuple(series), EPOCHS_NOTE))
    return charts


def _lines(place: int, row: ModelRow, training: Training, column: str) -> Iterator[Series]:
    """The line of a training, and a dot at the epoch of its checkpoint."""
    epochs = pd.DataFrame(training["epochs"]).reindex(columns=["epoch", column]).dropna()
    x, y = epochs.to_numpy(np.float64).T
    if not x.size:
        return
    best = x == training.get("epoch")
    yield Series(row.model, row.title(), place, x, y)
    yield Series(row.model, row.title(), place, x[best], y[best], kind="dots")
