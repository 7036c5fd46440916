import pytest

from fgstp.models.registry import list_models
from fgstp.reporting.names import model_rows
from fgstp.reporting.trainings import training_charts, training_table


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


def charts_of(**trainings):
    return {each.name: each for each in training_charts(trainings, model_rows(trainings))}


def test_every_training_has_a_line_and_a_dot_at_its_best_epoch():
    charts = charts_of(fgstp=[training(), training(best=3)], background=[UNTRAINED])
    loss, score = charts["training_loss"], charts["validation_score"]
    assert {own.model for own in loss.series} == {"fgstp"}
    lines = [own for own in loss.series if own.kind == "line"]
    assert [own.y.tolist() for own in lines] == [[2.0, 1.5, 1.2]] * 2
    dots = [(own.x.item(), own.y.item()) for own in score.series if own.kind == "dots"]
    assert dots == [(2, 0.4), (3, 0.3)]
    assert charts_of(background=[UNTRAINED]) == {}


def test_epochs_without_a_score_are_left_out():
    chart = charts_of(fgstp=[training(scores=(0.2, None, 0.3))])["validation_score"]
    assert chart.series[0].x.tolist() == [1, 3]


def test_models_are_compared_by_the_score_that_chose_all_of_them():
    chosen = training() | {"monitor": "val_iou"}
    chart = charts_of(fgstp=[chosen], slt_net=[chosen])["validation_score"]
    assert chart.series[0].y.tolist() == [0.1, 0.2, 0.15]
    assert "IoU over all pixels" in chart.y.label
    mixed = charts_of(fgstp=[chosen], slt_net=[training()])["validation_score"]
    assert mixed.series[0].y.tolist() == [0.2, 0.4, 0.3]


def test_no_two_models_look_alike():
    names = [row.model for row in model_rows(list_models())]
    chart = charts_of(**{name: [training()] for name in names})["training_loss"]
    lines = [own for own in chart.series if own.kind == "line"]
    assert len({(own.colour, own.dashes) for own in lines}) == len(lines) == len(names)
    assert len({(own.colour, own.marker) for own in lines}) == len(names)
