"""Training curves: losses and validation scores by epoch."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fgstp.reporting.models import model_rows

ALL_MODELS = "all_models"
LABELS = {
    "train_loss": "loss",
    "train_bce": "cross-entropy part",
    "train_iou": "IoU part",
    "val_miou": "mIoU, all frames",
    "val_miou_gas": "mIoU, frames with gas",
    "val_iou": "IoU of all pixels together",
}
COMPARED = "val_miou"  # where models were not all chosen by one score
# Told apart by people who see few colours, and by their markers in grey.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = ("-", "--", ":")  # of the first round of colours, of the second, of the third
DPI = 128


def training_curves(trainings: Mapping[str, Mapping[str, Any]]) -> dict[str, Figure]:
    """Draw the training of each model, and the validation scores of all together.

    Args:
        trainings: by model, `epochs` (one mapping an epoch, from `epoch` to its
            `learning_rate`, `train_...` losses and `val_...` scores) and the best `epoch`.
            Models without epochs are passed over.

    Returns:
        Figures by model, and one named `all_models`; none if nothing was trained.
    """
    trained = {
        row.model: trainings[row.model]
        for row in model_rows(trainings)
        if trainings[row.model].get("epochs")
    }
    figures = {model: training_figure(model, each) for model, each in trained.items()}
    return figures | ({ALL_MODELS: comparison_figure(trained)} if trained else {})


def training_figure(model: str, training: Mapping[str, Any]) -> Figure:
    """Draw the losses and the validation scores of one model.

    Args:
        model: its name.
        training: its `epochs` and the best `epoch`; see `training_curves`.

    Returns:
        The figure; the best epoch and the drops of the learning rate are marked in it.
    """
    epochs = pd.DataFrame(training["epochs"])
    figure = Figure(figsize=(9.0, 3.8), dpi=DPI, layout="constrained")
    figure.suptitle(f"Training of {model_rows([model])[0].name}", fontsize=11)
    losses, scores = figure.subplots(1, 2)
    _draw(losses, epochs, [name for name in epochs if str(name).startswith("train_")])
    _draw(scores, epochs, [name for name in epochs if str(name).startswith("val_")])
    losses.set(title="loss on training windows", ylabel="loss")
    scores.set(title="validation clips", ylabel="score, higher is better")
    for ax in (losses, scores):
        _mark_drops(ax, epochs)
        _mark_best(ax, int(training["epoch"]))
        _finish(ax, epochs["epoch"])
    return figure


def comparison_figure(trainings: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw one validation score of all models, each with its best epoch.

    Args:
        trainings: as for `training_curves`, of trained models; if `monitor` is the same for
            all, it is the score.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(7.6, 4.4), dpi=DPI, layout="constrained")
    ax = figure.subplots()
    chosen_by = {each.get("monitor", COMPARED) for each in trainings.values()}
    score = chosen_by.pop() if len(chosen_by) == 1 else COMPARED
    numbers: list[int] = []
    for place, row in enumerate(model_rows(trainings)):
        epochs = pd.DataFrame(trainings[row.model]["epochs"]).reindex(columns=["epoch", score])
        shown = epochs.dropna()
        turn, number = divmod(place, len(COLOURS))
        colour = COLOURS[number]
        ax.plot(
            shown["epoch"],
            shown[score],
            color=colour,
            linestyle=LINES[turn % len(LINES)],
            marker=MARKERS[number],
            ms=3.5,
            label=row.title(),
        )
        best = shown[shown["epoch"] == trainings[row.model]["epoch"]]
        ax.plot(best["epoch"], best[score], "o", ms=11, mfc="none", mec=colour, label="_best epoch")
        numbers += epochs["epoch"].tolist()
    ax.set(
        title="Validation scores of all models (ring: the epoch of the checkpoint)",
        ylabel=f"{LABELS[score]}, of validation clips",
    )
    _finish(ax, numbers)
    return figure


def _draw(ax: Axes, epochs: pd.DataFrame, names: Sequence[Any]) -> None:
    for place, name in enumerate(names):
        shown = epochs[["epoch", name]].dropna()
        ax.plot(
            shown["epoch"],
            shown[name],
            color=COLOURS[place % len(COLOURS)],
            marker=MARKERS[place % len(MARKERS)],
            ms=3.5,
            label=LABELS.get(str(name), str(name)),
        )


def learning_rate_drops(epochs: pd.DataFrame) -> list[tuple[int, float]]:
    """The epochs that begin with a learning rate of half the one before or less, and that rate.

    A rate that falls in most epochs, little by little, has none.

    Args:
        epochs: a row an epoch, with `epoch` and, if it is known, `learning_rate`.
    """
    if "learning_rate" not in epochs:
        return []
    rates = epochs["learning_rate"]
    if 2 * (rates.diff() < 0).sum() > len(rates):
        return []
    dropped = epochs[rates <= 0.5 * rates.shift()]
    return [
        (int(epoch), float(rate))
        for epoch, rate in zip(dropped["epoch"], dropped["learning_rate"], strict=True)
    ]


def _mark_drops(ax: Axes, epochs: pd.DataFrame) -> None:
    """Mark each drop of the learning rate, between two epochs; one label tells all rates."""
    drops = learning_rate_drops(epochs)
    label = f"learning rate falls to {', '.join(f'{rate:.0e}' for _, rate in drops)}"
    for place, (epoch, _) in enumerate(drops):
        shown = "_another drop" if place else label
        ax.axvline(epoch - 0.5, color="0.55", linestyle=":", linewidth=1.2, label=shown)


def _mark_best(ax: Axes, epoch: int) -> None:
    if epoch > 0:
        ax.axvline(epoch, color="0.25", linestyle="--", linewidth=1.2, label=f"best: epoch {epoch}")


def _finish(ax: Axes, epochs: Sequence[int] | pd.Series) -> None:
    ax.set_xlabel("epoch")
    ax.set_xlim(min(epochs) - 0.6, max(epochs) + 0.6)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.grid(alpha=0.3)
    # Beneath the axes, where it covers no curve.
    ax.legend(fontsize=7.5, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.17), frameon=False)
