import pandas as pd
import pytest

from fgstp.models.registry import list_models
from fgstp.reporting.names import model_rows
from fgstp.reporting.trainings import (
    comparison_figure,
    learning_rate_drops,
    training_curves,
    training_figure,
    training_table,
)


def training(losses=(2.0, 1.5, 1.2), scores=(0.2, 0.4, 0.3), rates=(1e-4, 1e-4, 1e-5), best=2):
    epochs = [
        {
            "epoch": number,
            "learning_rate": rate,
            "train_loss": loss,
            "train_bce": loss / 4,
            "val_miou": score,
            "val_iou": None if score is None else score / 2,
        }
        for number, (loss, score, rate) in enumerate(zip(losses, scores, rates, strict=True), 1)
    ]
    return {"epoch": best, "epochs": epochs}


UNTRAINED = {"epoch": 0, "epochs": []}


def lines(ax):
    return {
        line.get_label(): list(zip(*(each.tolist() for each in line.get_data()), strict=True))
        for line in ax.lines
        if len(line.get_xdata()) != 2  # not the marks, which reach from bottom to top
    }


def rows_of(trainings):
    return [[cell.text for cell in row] for row in training_table(trainings).rows]


ENDED = {"trained": True, "epoch": 17, "n_epochs": 20, "ended_by": "early stop"}
ENDED |= {"parameters": 82_698_631, "scores": {"val_miou": 0.4567, "val_miou_gas": 0.25}}


def test_the_table_has_a_row_for_each_training():
    again = ENDED | {"seed": 8, "epoch": 5}
    trainings = {
        "fgstp": [ENDED | {"seed": 7}, again],
        "slt_net": [ENDED],
        "background": [{"trained": False, "parameters": 0}],
    }
    counted, score = "82,698,631", "mIoU, all frames: 0.457"
    assert rows_of(trainings) == [
        ["Background subtraction", "0", "–", "–", "not trained", "–"],
        ["SLT-Net", counted, "20", "17", "early stopping", score],
        ["FGSTP, seed 7", counted, "20", "17", "early stopping", score],
        ["FGSTP, seed 8", counted, "20", "5", "early stopping", score],
    ]


@pytest.mark.parametrize(
    ("monitor", "shown"), [("val_miou_gas", "mIoU, frames with gas: 0.250"), ("val_iou", "–")]
)
def test_the_table_shows_the_score_that_chose_the_checkpoint(monitor, shown):
    [row] = rows_of({"fgstp": [ENDED | {"monitor": monitor}]})
    assert row[-1] == shown


def test_a_figure_for_each_trained_model_and_one_of_all():
    trainings = {"fgstp": [training()], "background": [UNTRAINED], "slt_net": [training()] * 2}
    assert list(training_curves(trainings)) == ["slt_net", "fgstp", "all_models"]
    assert training_curves({"background": [UNTRAINED]}) == {}
    assert training_curves({}) == {}


def test_losses_and_scores_stand_apart_and_what_happened_is_marked():
    losses, scores = training_figure("fgstp", training()).axes
    assert lines(losses)["loss"] == [(1, 2.0), (2, 1.5), (3, 1.2)]
    assert lines(losses)["cross-entropy term"] == [(1, 0.5), (2, 0.375), (3, 0.3)]
    assert lines(scores)["mIoU, all frames"] == [(1, 0.2), (2, 0.4), (3, 0.3)]
    assert not set(lines(losses)) & set(lines(scores))
    for ax in (losses, scores):
        places = {line.get_label(): list(line.get_xdata()) for line in ax.lines}
        assert places["best: epoch 2"] == [2, 2]
        assert places["learning rate drops to 1e-05"] == [2.5, 2.5]
    flat = training(rates=(1e-4,) * 3, best=0)
    labels = [line.get_label() for ax in training_figure("x", flat).axes for line in ax.lines]
    assert not [label for label in labels if "best" in label or "learning rate" in label]


@pytest.mark.parametrize(
    ("rates", "drops"),
    [
        ([1e-4, 1e-4], []),
        ([1e-4, 1e-5, 1e-5, 1e-6], [(2, 1e-5), (4, 1e-6)]),
        ([1e-5, 1e-4], []),  # a warm-up is no drop
        ([1e-4, 1e-4, 1e-4, 0.9e-4], []),  # nor is a step down of a tenth
        ([1e-4, 8e-5, 6e-5, 4e-5, 1e-5], []),  # nor is a steady fall, though its end is steep
    ],
)
def test_drops_of_the_learning_rate(rates, drops):
    epochs = pd.DataFrame({"epoch": range(1, len(rates) + 1), "learning_rate": rates})
    assert learning_rate_drops(epochs) == drops
    assert learning_rate_drops(epochs[["epoch"]]) == []


def test_all_models_together_with_rings_at_their_best_epochs():
    figure = comparison_figure({"fgstp": training(), "slt_net": training(scores=(0.5, 0.1, 0.2))})
    (ax,) = figure.axes
    named = [line for line in ax.lines if not line.get_label().startswith("_")]
    assert [line.get_label() for line in named] == ["SLT-Net", "FGSTP"]
    assert named[0].get_ydata().tolist() == [0.5, 0.1, 0.2]
    rings = [line for line in ax.lines if line.get_label().startswith("_")]
    assert [(*ring.get_xdata(), *ring.get_ydata()) for ring in rings] == [(2, 0.1), (2, 0.4)]
    assert len({line.get_color() for line in named}) == 2


def test_single_epochs_gaps_and_losses_of_a_new_kind_are_drawn():
    one = training(losses=(2.0,), scores=(0.3,), rates=(1e-4,), best=1)
    one["epochs"][0]["train_flow"] = 0.1
    losses, _ = training_figure("fgstp", one).axes
    assert losses.lines[0].get_marker() == "o"
    assert losses.get_xlim()[0] < 1 < losses.get_xlim()[1]
    assert "train_flow" in lines(losses)
    _, scores = training_figure("fgstp", training(scores=(0.2, None, 0.3))).axes
    shown = next(line for line in scores.lines if line.get_label() == "mIoU, all frames")
    assert shown.get_xdata().tolist() == [1, 3]


def test_models_are_compared_by_the_score_that_chose_all_of_them():
    chosen = {"monitor": "val_iou"}
    [ax] = comparison_figure({"fgstp": training() | chosen, "slt_net": training() | chosen}).axes
    assert lines(ax)["FGSTP"] == [(1, 0.1), (2, 0.2), (3, 0.15)]
    assert "IoU over all pixels" in ax.get_ylabel()
    [mixed] = comparison_figure({"fgstp": training() | chosen, "slt_net": training()}).axes
    assert lines(mixed)["FGSTP"] == [(1, 0.2), (2, 0.4), (3, 0.3)]


def test_no_two_models_look_alike():
    names = [row.model for row in model_rows(list_models())]
    [ax] = comparison_figure({name: training() for name in names}).axes
    curves = [line for line in ax.lines if line.get_label() != "_best epoch"]
    looks = {(line.get_color(), line.get_linestyle(), line.get_marker()) for line in curves}
    assert len(looks) == len(curves) == len(names)
