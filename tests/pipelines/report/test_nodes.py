"""The nodes of report: tables, figures and page, and which mistakes they tell."""

import io
import re

import numpy as np
import pandas as pd
import pytest
import yaml

from fgstp.core.errors import UserError
from fgstp.footage.clip_store import ClipStore
from fgstp.footage.clips import Clip
from fgstp.footage.masked_clips import digest, masked_clips
from fgstp.footage.records import CLIP_COLUMNS, VIDEO_COLUMNS, table
from fgstp.inference.prediction_store import PredictionStore
from fgstp.pipelines.evaluate.nodes import score, summarise_scores
from fgstp.pipelines.report.nodes import compare_models, draw_figures, write_page
from fgstp.reporting.costs import COLUMNS
from fgstp.scoring.settings import EvaluateSettings

SHAPE = (4, 24, 32)
EVALUATE = EvaluateSettings.model_validate(
    {
        "accelerator": "cpu",
        "allow_pseudo_masks": True,
        "n_resamples": 20,
        "parallel": {"backend": "sequential"},
    }
)
GOOD, BAD = "fgstp", "background"  # models that find all gas, and the upper half of it
FILES = [f"table{number}.{suffix}" for number in (1, 2) for suffix in ("csv", "md", "tex")]
PNG = b"\x89PNG"


class Project:
    """Clips, and predictions of two models with their scores; all that the nodes get."""

    def __init__(self, folder, mask_source="annotated"):
        self.store = ClipStore(folder / "clips")
        self.predictions = folder / "predictions"
        names = {"v_0000": "validation", "t_0000": "test", "u_0000": "test"}
        rows = []
        for number, (name, split) in enumerate(names.items()):
            frames = np.random.default_rng(number).integers(0, 256, SHAPE).astype(np.uint8)
            masks = np.zeros_like(frames)
            masks[1::2, 6:16, 8:20] = 1
            self.store.write(name, Clip(0, 0, frames, masks=masks))
            for model, rows_found in ((GOOD, slice(6, 16)), (BAD, slice(6, 11))):
                maps = np.zeros_like(frames)
                maps[:, rows_found] = 200 * masks[:, rows_found]
                PredictionStore(self.predictions / model).write(name, maps)
            row = {"clip": name, "video": name[0], "split": split}
            rows.append(row | {"mask_source": mask_source})
        self.clips = table(rows, CLIP_COLUMNS)
        categories = {"v": "close_clear", "t": "close_clear", "u": "long_complex"}
        videos = [
            {"video": video, "category": name, "source": "gasvid"}
            for video, name in categories.items()
        ]
        self.videos = table(videos, VIDEO_COLUMNS)
        self.costs = pd.DataFrame(columns=COLUMNS)
        self.scores, self.summaries = {}, {}
        for model in (GOOD, BAD):
            self.evaluate(model)
        epochs = [
            {"epoch": epoch, "learning_rate": 1e-4, "train_loss": 1 / epoch, "val_miou": 0.1}
            for epoch in (1, 2)
        ]
        facts = {"parameters": 3, "epoch": 2, "scores": {"val_miou": 0.1}, "n_epochs": 2}
        self.trainings = {
            GOOD: {"model": GOOD, "trained": True, "epochs": epochs, "ended_by": "epochs"} | facts,
            BAD: {"model": BAD, "trained": False, "parameters": 0, "epochs": []},
        }
        for model, training in self.trainings.items():
            training["checkpoint_sha256"] = f"of {model}"

    def evaluate(self, model):
        """Scores and summaries as the pipeline evaluate makes them."""
        test = masked_clips(self.clips, self.store, "test", allow_pseudo_masks=True, setting="")
        facts = {"model": model, "checkpoint_sha256": f"of {model}"}
        facts["footage_sha256"] = digest(test, self.store)
        places = (self.clips, self.videos, self.store, self.predictions, model, EVALUATE)
        self.scores[model], self.summaries[model] = summarise_scores(
            score(facts, *places), facts, self.videos, EVALUATE, 1
        )

    def compare(self):
        return compare_models(self.scores, self.summaries, self.costs)

    def draw(self):
        places = (self.clips, self.videos, self.store, self.predictions)
        return draw_figures(self.scores, self.summaries, self.trainings, *places)

    def page(self):
        curves = dict.fromkeys(("all_models", GOOD), PNG)
        figures = {"predictions": PNG}
        return write_page(self.scores, self.summaries, self.trainings, figures, curves, self.costs)

    def nodes(self):
        """All nodes that look at the scores."""
        return self.compare, self.draw, self.page


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Project(tmp_path_factory.mktemp("project"))


@pytest.fixture
def project(tmp_path):
    """One that may be changed."""
    return Project(tmp_path)


# ------------------------------------------------------------------------------ tables


def test_both_tables_are_written_in_three_forms(made):
    tables, headline = made.compare()
    assert sorted(tables) == FILES
    for name in ("table1.md", "table1.tex"):
        for title in ("FGSTP", "Background subtraction", "SLT-Net", "XMem++"):
            assert title in tables[name]
    for title in ("FGSTP", "Background subtraction"):
        assert title in headline


def test_figures_of_the_csv_are_those_that_follow_from_the_maps(made):
    """Of every second frame one model finds all and one half, and both nothing else."""
    rows = pd.read_csv(io.StringIO(made.compare()[0]["table1.csv"]))
    ours = rows[rows["source"] == "this evaluation"].set_index(["block", "model", "metric"])
    value = ours["value"]
    # Frames 0, 2 and 3 count, of which 3 has gas: 1 where nothing is found on the others.
    assert value["operational", GOOD, "iou"] == pytest.approx(1.0)
    assert value["operational", BAD, "iou"] == pytest.approx((1 + 1 + 0.5) / 3)
    assert value["operational", BAD, "iou_gas"] == pytest.approx(0.5)
    assert value["operational", BAD, "dice"] == pytest.approx((1 + 1 + 2 / 3) / 3)
    assert value["operational", BAD, "auroc"] == value["operational", GOOD, "auroc"] == 1.0
    assert value["operational", BAD, "false_alarm"] == 0.0
    missed = 5 * 12 / (24 * 32)
    assert value["paper", BAD, "mae"] == pytest.approx(missed / 3)
    assert value["paper", GOOD, "mae"] == pytest.approx(0.0)
    ranks = ours["rank"]
    assert (ranks["paper", GOOD, "mae"], ranks["paper", BAD, "mae"]) == (1, 2)
    assert (ours["n_frames"] == 6).all()


def test_one_model_alone_is_reported_and_the_others_are_named(project):
    del project.scores[BAD], project.summaries[BAD]
    tables, headline = project.compare()
    assert "Background subtraction" not in headline
    assert re.search(r"Not evaluated: Background subtraction, ", tables["table1.md"])


@pytest.mark.parametrize("mask_source", ["annotated", "pseudo"])
def test_tables_and_page_tell_what_masks_they_are_against(tmp_path, mask_source):
    project = Project(tmp_path, mask_source)
    tables, headline = project.compare()
    other = {"annotated": "pseudo", "pseudo": "annotated"}[mask_source]
    assert f"GasVid, {mask_source} masks" in headline
    assert f"{other} masks" not in headline
    for name in ("table1.md", "table2.md", "table1.tex", "table2.tex"):
        assert f"Test footage: GasVid, {mask_source} masks" in tables[name]
        # Only against annotated masks do the published rows compare.
        assert ("do not compare" in tables[name]) == (mask_source == "pseudo")
    rows = pd.read_csv(io.StringIO(tables["table1.csv"]))
    assert set(rows.loc[rows["source"] == "this evaluation", "mask_source"]) == {mask_source}
    assert f"{mask_source} masks" in project.page()


def test_what_the_scores_say_that_a_model_was_told_is_marked_everywhere(project):
    project.scores[GOOD]["needs"] = "first_mask"
    project.scores[BAD]["needs"] = "all_masks"
    project.scores[BAD]["label"] = "MOG2"
    tables, headline = project.compare()
    titles = ("FGSTP †", "Background subtraction (MOG2) ‡")
    figure = project.draw()[0]["predictions"]
    drawn = " ".join(axes.get_title().replace("\n", " ") for axes in figure.axes)
    for text in (tables["table1.md"], tables["table1.csv"], headline, project.page(), drawn):
        for title in titles:
            assert title in text
    assert r"FGSTP $^\dagger$ &" in tables["table1.tex"]
    assert r"Background subtraction (MOG2) $^\ddagger$ &" in tables["table1.tex"]


def test_several_trainings_are_told_in_all_forms_also_when_read_from_the_files(project):
    rows = project.summaries[GOOD]
    rows["n_seeds"], rows["spread"], rows["thresholds"] = 3, 0.0123, "128 131 90"
    project.scores[GOOD]["n_seeds"] = 3
    for model, written in project.summaries.items():
        text = io.StringIO(written.to_csv(index=False))
        project.summaries[model] = pd.read_csv(text, keep_default_na=False, na_values=[""])
    tables, headline = project.compare()
    for text in (tables["table1.md"], headline, project.page()):
        assert "1.000 ± 0.012" in text
        assert "(FGSTP 3)" in text
    assert r"1.000 $\pm$ 0.012" in tables["table1.tex"]
    assert "| 90–131 |" in tables["table1.md"]
    rows = pd.read_csv(io.StringIO(tables["table1.csv"]))
    ours = rows[(rows["source"] == "this evaluation") & (rows["model"] == GOOD)]
    assert set(ours["n_seeds"]) == {3}
    assert set(ours["thresholds"]) == {"128 131 90"}


def test_costs_are_shown_where_they_were_measured(project):
    assert "Costs" not in project.page()
    row = ("fgstp", 82_698_631, 40.25, 1234.5, 2345.6, "Some CPU", 352, 352)
    project.costs = pd.DataFrame([dict(zip(COLUMNS, row, strict=True))])
    tables, _ = project.compare()
    assert sorted(tables) == sorted([*FILES, "costs.csv", "costs.md"])
    for text in (tables["costs.md"], project.page()):
        assert "Costs on Some CPU" in text
        assert "82.70" in text
    assert "82698631" in tables["costs.csv"]


def test_the_catalog_takes_the_costs_from_the_file_of_the_benchmark(repository):
    catalog = yaml.safe_load((repository / "conf/base/catalog.yml").read_text("utf-8"))
    path = repository / catalog["model_costs"]["filepath"]
    assert set(COLUMNS) <= set(pd.read_csv(path).columns)


# ----------------------------------------------------------------------------- figures


def test_predictions_of_both_models_are_drawn_beside_the_ground_truth(made):
    figures, curves = made.draw()
    [figure] = figures.values()
    assert list(figures) == ["predictions"]
    shown = [axes for axes in figure.axes if axes.images]
    headings = [axes.get_title().replace("\n", " ") for axes in shown[:4]]
    assert sorted(headings) == ["Background subtraction", "FGSTP", "frame", "ground truth"]
    assert len(shown) == 2 * 4  # a row each of the two categories of the test videos
    # Where a model finds gas, its picture is not the frame.
    pictures = [axes.images[0].get_array() for axes in shown[:4]]
    columns = dict(zip(headings, pictures, strict=True))
    for model, rows_found in (("FGSTP", 10), ("Background subtraction", 5)):
        changed = (columns[model] != columns["frame"]).any(axis=2).any(axis=1)
        assert changed.sum() == rows_found
    assert sorted(curves) == ["all_models", GOOD]


def test_trainings_of_models_without_scores_are_left_out(project):
    project.trainings["fgstp_no_fsp"] = project.trainings[GOOD] | {"model": "fgstp_no_fsp"}
    assert sorted(project.draw()[1]) == ["all_models", GOOD]
    assert "FGSTP without FSP" not in project.page().split("Training")[-1].split("Protocols")[0]


def test_other_validation_clips_are_no_other_footage(project):
    masks = project.store.path("v_0000", "masks")
    np.save(masks, 1 - np.load(masks))
    project.draw()


def test_dropped_clips_are_not_drawn(project):
    project.clips.loc[project.clips["clip"] == "u_0000", "dropped"] = "duplicate"
    for model in (GOOD, BAD):
        project.evaluate(model)
    [figure] = project.draw()[0].values()
    assert len([axes for axes in figure.axes if axes.images]) == 4


# -------------------------------------------------------------------------------- page


def test_the_page_holds_all_figures_of_the_tables_and_stands_alone(made):
    page = made.page()
    for title in ("FGSTP", "Background subtraction", "SLT-Net"):
        assert title in page
    mean_iou = f"{made.scores[BAD]['protocols']['operational']['iou']:.3f}"
    assert mean_iou == "0.833"
    assert mean_iou in page
    assert page.count("data:image/png;base64,") == 3
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", page)
    assert page.lstrip().lower().startswith("<!doctype html>")


# ---------------------------------------------------------------------------- mistakes


def test_without_scores_nothing_is_compared_or_drawn(project):
    project.scores, project.summaries = {}, {}
    for node in (project.compare, project.draw):
        with pytest.raises(UserError, match=r"No model has been evaluated; run `kedro run --pip"):
            node()


def _one_mask_pixel(project):
    path = project.store.path("t_0000", "masks")
    masks = np.load(path)
    masks[0, 0, 0] = 1
    np.save(path, masks)


def _one_clip_less(project):
    project.clips = project.clips[project.clips["clip"] != "u_0000"]


@pytest.mark.parametrize("change", [_one_mask_pixel, _one_clip_less])
def test_models_that_were_scored_on_different_footage_do_not_compare(project, change):
    change(project)
    project.evaluate(BAD)
    for node in project.nodes():
        with pytest.raises(UserError) as caught:
            node()
        sentence = str(caught.value)
        assert f"{GOOD} and {BAD} were scored on different clips" in sentence
        assert "kedro run --pipelines=evaluate --params=model=NAME" in sentence


def test_models_that_were_scored_under_other_settings_do_not_compare(project):
    drop = EVALUATE.model_copy(update={"drop_last_frames": 1})
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "EVALUATE", drop)
        project.evaluate(BAD)
    with pytest.raises(UserError, match="do not compare: evaluate all models again"):
        project.compare()


def test_predictions_that_are_gone(project):
    (project.predictions / BAD / "u_0000.npy").unlink()
    with pytest.raises(UserError, match="predictions of the clip u_0000 cannot be read"):
        project.draw()


def _no_training(project):
    del project.trainings[BAD]


def _no_checkpoint_noted(project):
    del project.trainings[BAD]["checkpoint_sha256"]


def _trained_again(project):
    project.trainings[BAD]["checkpoint_sha256"] = "of another"


@pytest.mark.parametrize("change", [_no_training, _no_checkpoint_noted, _trained_again])
def test_a_model_that_was_trained_after_it_was_scored_is_not_reported(project, change):
    change(project)
    for node in (project.draw, project.page):
        with pytest.raises(UserError) as caught:
            node()
        assert str(caught.value) == (
            f"{BAD} was trained again after it was scored, or its training.json is gone; "
            f"run `kedro run --pipelines=train,evaluate --params=model={BAD}`."
        )


def test_all_trainings_must_be_those_that_were_scored(project):
    project.trainings[GOOD]["repeats"] = [{"seed": 2, "checkpoint_sha256": "of a repeat"}]
    for node in (project.draw, project.page):
        with pytest.raises(UserError, match=f"{GOOD} was trained again after it was scored"):
            node()
    project.scores[GOOD]["repeats_sha256"] = ["of a repeat"]
    project.draw()
    project.page()
    project.scores[GOOD]["repeats_sha256"] = ["of another"]
    with pytest.raises(UserError, match=f"{GOOD} was trained again after it was scored"):
        project.page()


def test_masks_that_are_gone(project):
    for clip in ("t_0000", "u_0000"):
        project.store.path(clip, "masks").unlink()
    with pytest.raises(UserError, match="The masks of the clip t_0000 are missing"):
        project.draw()


def test_scores_that_were_not_made_here_are_left_out_and_named(project, caplog):
    """As git brings them, or a run that is killed between the two files leaves them."""
    assert "Background subtraction" in project.compare()[1]
    assert "Left out" not in caplog.text
    del project.summaries[BAD], project.trainings[BAD]
    project.scores[BAD]["footage_sha256"] = "of other clips"
    assert "Background subtraction" not in project.compare()[1]
    assert f"not made here or not to the end: {BAD};" in caplog.text
    project.draw()
    assert "Background subtraction" not in project.page().split("Published")[0]


def test_scores_that_all_came_with_the_repository_make_no_report(project):
    project.summaries = {}
    for node in project.nodes():
        with pytest.raises(UserError, match="No model has been evaluated"):
            node()


def test_footage_that_was_ingested_anew_is_not_drawn_with_old_predictions(project):
    path = project.store.path("t_0000", "frames")
    np.save(path, 255 - np.load(path))
    with pytest.raises(UserError, match="again"):
        project.draw()
