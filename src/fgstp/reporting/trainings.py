"""Trainings of the models: a table, and curves of losses and validation scores."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fgstp.reporting.names import model_rows
from fgstp.reporting.tables import DASH, Table

ALL_MODELS = "all_models"
MONITOR = "val_miou"  # score of the comparison, if the models were not all chosen by one score
LABELS = {
    "train_loss": "loss",
    "train_bce": "cross-entropy term",
    "train_iou": "IoU term",
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
# Distinct for colour-blind readers, and by their markers in grey.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = ("-", "--", ":")  # for the first, second and third use of the colours
DPI = 128
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
        trainings: see `training_curves`; models without training have no rows.
    """
    rows = [
        {"model": row.model, "seed": training.get("seed"), **epoch}
        for row in model_rows(trainings)
        for training in trainings[row.model]
        for epoch in training.get("epochs", [])
    ]
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=list(HISTORY))


def training_curves(trainings: ByModel) -> dict[str, Figure]:
    """Draw the training of each model, and the validation scores of all models.

    Args:
        trainings: by model: the record of each of its trainings, with the best `epoch` and
            `epochs`, a list of mappings with `epoch`, `learning_rate`, `train_...` losses and
            `val_...` scores. Only the first training is drawn.

    Returns:
        Figures by name of the model, and `all_models`; none if no model was trained.
    """
    trained = {
        row.model: trainings[row.model][0]
        for row in model_rows(trainings)
        if trainings[row.model][0].get("epochs")
    }
    figures = {model: training_figure(model, each) for model, each in trained.items()}
    return figures | ({ALL_MODELS: comparison_figure(trained)} if trained else {})


def training_figure(model: str, training: Training) -> Figure:
    """Draw the losses and the validation scores of one training, see `training_curves`.

    The best epoch and drops of the learning rate are marked.
    """
    epochs = pd.DataFrame(training["epochs"])
    figure = Figure(figsize=(9.0, 3.8), dpi=DPI, layout="constrained")
    figure.suptitle(f"Training of {model_rows([model])[0].name}", fontsize=11)
    losses, scores = figure.subplots(1, 2)
    _draw(losses, epochs, "train_")
    _draw(scores, epochs, "val_")
    losses.set(title="training samples", ylabel="loss")
    scores.set(title="validation clips", ylabel="score")
    for ax in (losses, scores):
        _mark(ax, epochs, int(training["epoch"]))
        _finish(ax, epochs["epoch"])
    return figure


def comparison_figure(trainings: Mapping[str, Training]) -> Figure:
    """Draw a validation score of all models, with the epoch of each checkpoint.

    The score is the `monitor` of the trainings if they share it, see `training_curves`.
    """
    figure = Figure(figsize=(7.6, 4.4), dpi=DPI, layout="constrained")
    ax = figure.subplots()
    monitors = {each.get("monitor", MONITOR) for each in trainings.values()}
    score = monitors.pop() if len(monitors) == 1 else MONITOR
    numbers: list[int] = []
    for place, row in enumerate(model_rows(trainings)):
        epochs = pd.DataFrame(trainings[row.model]["epochs"]).reindex(columns=["epoch", score])
        shown = epochs.dropna()
        colour = _plot(ax, shown, place, row.title())
        best = shown[shown["epoch"] == trainings[row.model]["epoch"]]
        ax.plot(best["epoch"], best[score], "o", ms=11, mfc="none", mec=colour, label="_best epoch")
        numbers += epochs["epoch"].tolist()
    ax.set(
        title="Validation scores of all models (ring: the epoch of the checkpoint)",
        ylabel=f"validation {LABELS[score]}",
    )
    _finish(ax, numbers)
    return figure


def _draw(ax: Axes, epochs: pd.DataFrame, prefix: str) -> None:
    """Draw the losses or scores whose names start with the prefix."""
    names = [str(name) for name in epochs if str(name).startswith(prefix)]
    for place, name in enumerate(names):
        _plot(ax, epochs[["epoch", name]].dropna(), place, LABELS.get(name, name))


def _plot(ax: Axes, shown: pd.DataFrame, place: int, label: str) -> str:
    """Draw the second column against the epoch; returns the colour."""
    turn, number = divmod(place, len(COLOURS))
    ax.plot(
        *(shown[name] for name in shown),
        color=COLOURS[number],
        linestyle=LINES[turn % len(LINES)],
        marker=MARKERS[number],
        ms=3.5,
        label=label,
    )
    return COLOURS[number]


def learning_rate_drops(epochs: pd.DataFrame) -> list[tuple[int, float]]:
    """Epochs with at most half the learning rate of the previous epoch, and their rates.

    There are none if the learning rate decays in most epochs or is unknown.
    """
    if "learning_rate" not in epochs:
        return []
    rates = epochs["learning_rate"]
    if 2 * (rates.diff() < 0).sum() > len(rates):
        return []
    dropped = epochs.loc[rates <= 0.5 * rates.shift(), ["epoch", "learning_rate"]]
    return [(int(epoch), float(rate)) for epoch, rate in dropped.itertuples(index=False)]


def _mark(ax: Axes, epochs: pd.DataFrame, best_epoch: int) -> None:
    """Mark the best epoch and, between two epochs, each drop of the learning rate."""
    drops = learning_rate_drops(epochs)
    label = f"learning rate drops to {', '.join(f'{rate:.0e}' for _, rate in drops)}"
    for place, (epoch, _) in enumerate(drops):
        shown = "_another drop" if place else label
        ax.axvline(epoch - 0.5, color="0.55", linestyle=":", linewidth=1.2, label=shown)
    if best_epoch > 0:
        label = f"best: epoch {best_epoch}"
        ax.axvline(best_epoch, color="0.25", linestyle="--", linewidth=1.2, label=label)


def _finish(ax: Axes, epochs: Sequence[int] | pd.Series) -> None:
    ax.set_xlabel("epoch")
    ax.set_xlim(min(epochs) - 0.6, max(epochs) + 0.6)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.grid(alpha=0.3)
    # Below the axes, so that it covers no curve.
    ax.legend(fontsize=7.5, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.17), frameon=False)
