"""The nodes of report: tables, figures and page, and mistakes."""

import io
import json
import re
import shutil
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
import yaml

from fgstp.core.errors import UserError
from fgstp.inference.trainings import Training
from fgstp.pipelines.report.nodes import draw_charts, write_page
from fgstp.reporting.costs import COLUMNS

GOOD, BAD = "fgstp", "background"  # models that find all gas, and the upper half of it


def change(project, clip, **content):
    project.folder.change(clip, **content)
    project.clips = project.folder.table


# ------------------------------------------------------------------------------ tables


def test_values_of_the_csv_follow_from_the_maps(made):
    """Of every second frame one model finds all and one half, and both nothing else."""
    rows = pd.read_csv(io.StringIO(made.compare()[1]["table1.csv"]))
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


def test_every_form_shows_several_seeds_also_when_read_from_files(project):
    rows = project.summaries[GOOD]
    rows["n_seeds"], rows["spread"] = 3, 0.0123
    rows["threshold_min"], rows["threshold_max"] = 90, 131
    project.scores[GOOD]["n_seeds"] = 3
    for model, written in project.summaries.items():
        text = io.StringIO(written.to_csv(index=False))
        project.summaries[model] = pd.read_csv(text, keep_default_na=False, na_values=[""])
    _, tables, headline = project.compare()
    for text in (tables["table1.md"], headline, project.page()):
        assert "1.000 ± 0.012" in text
        assert "(FGSTP: 3)" in text
    assert r"1.000 $\pm$ 0.012" in tables["table1.tex"]
    assert "| 90–131 |" in tables["table1.md"]
    rows = pd.read_csv(io.StringIO(tables["table1.csv"]))
    ours = rows[(rows["source"] == "this evaluation") & (rows["model"] == GOOD)]
    assert set(ours["threshold_min"]) == {90}
    assert set(ours["threshold_max"]) == {131}


def test_the_catalog_has_the_costs_of_the_benchmark(repository):
    catalog = yaml.safe_load((repository / "conf/base/catalog.yml").read_text("utf-8"))
    path = repository / catalog["model_costs"]["filepath"]
    assert set(COLUMNS) <= set(pd.read_csv(path).columns)


# --------------------------------------------------------------------- figures and page


def test_predictions_are_drawn_beside_the_ground_truth(made):
    figures = made.draw()
    shown = [axes for axes in figures["predictions"].axes if axes.images]
    headings = [axes.get_title().replace("\n", " ") for axes in shown[:4]]
    assert sorted(headings) == ["Background subtraction", "FGSTP", "frame", "ground truth"]
    assert len(shown) == 2 * 4  # a row for each of the two categories of the test videos
    # Where a model finds gas, its picture differs from the frame.
    pictures = [axes.images[0].get_array() for axes in shown[:4]]
    columns = dict(zip(headings, pictures, strict=True))
    for model, rows_found in (("FGSTP", 10), ("Background subtraction", 5)):
        changed = (columns[model] != columns["frame"]).any(axis=2).any(axis=1)
        assert changed.sum() == rows_found


def test_footage_without_masks_is_drawn_and_reported(project):
    """Predictions and frame scores are shown, and a sentence says why there are no scores."""
    project.clips["mask_source"] = "none"
    for model in (GOOD, BAD):
        project.evaluate(model)
    figures = project.draw()
    assert set(figures) == {"predictions", "frame_scores", "training_loss", "validation_score"}
    labels = [axes.get_ylabel() for axes in figures["predictions"].axes if axes.get_ylabel()]
    assert sum("no mask" in label for label in labels) == 2
    shown = [axes for axes in figures["predictions"].axes if axes.images]
    assert not [axes for axes in shown if axes.collections]  # no outline
    page, headline = project.page(), project.compare()[2]
    for text in (page, headline):
        assert "Nothing can be scored, since none of the 2 test clips has masks" in text


def test_a_given_checkpoint_has_a_row_among_the_trainings(project):
    shutil.rmtree(project.models / GOOD)
    project.facts = {"checkpoint": "elsewhere/fgstp.ckpt", "parameters": 3}
    project.evaluate(GOOD)
    assert "training_loss" not in project.charts()
    assert "given: elsewhere/fgstp.ckpt" in project.page()


def test_dropped_clips_are_not_drawn(project):
    project.clips.loc[project.clips["clip"] == "u_0000", "dropped"] = "duplicate"
    for model in (GOOD, BAD):
        project.evaluate(model)
    assert len([axes for axes in project.draw()["predictions"].axes if axes.images]) == 4


def test_trainings_without_scores_are_left_out(project):
    project.trainings["fgstp_no_fsp"] = project.trainings[GOOD]
    project.train("fgstp_no_fsp")
    assert {own.model for own in project.charts()["training_loss"].series} == {GOOD}
    training = project.page().split('id="training"')[-1].split('id="protocols"')[0]
    assert "FGSTP without FSP" not in training
    assert "FGSTP" in training


# ---------------------------------------------------------------------------- mistakes


def test_scores_that_were_not_made_here_are_left_out_and_named(project, caplog):
    """Git brings scores without summaries; so does a run that is killed between the two."""
    assert "Background subtraction" in project.compare()[2]
    assert "Left out" not in caplog.text
    del project.summaries[BAD]
    shutil.rmtree(project.models / BAD)
    project.scores[BAD]["footage_sha256"] = "of other clips"
    _, tables, headline = project.compare()
    assert "Background subtraction" not in headline
    assert re.search(r"Not evaluated: Background subtraction, ", tables["table1.md"])
    assert f"not to the end: {BAD};" in caplog.text
    project.draw()
    assert "Background subtraction" not in project.page().split("Published")[0]
    project.summaries = {}
    with pytest.raises(UserError, match="No model has been evaluated"):
        project.compare()


def _one_mask_pixel(project):
    masks = project.folder.clip("t_0000").masks()
    masks[0, 0, 0] = 1
    change(project, "t_0000", masks=masks)


def _one_clip_less(project):
    project.clips = project.clips[project.clips["clip"] != "u_0000"]


@pytest.mark.parametrize("change", [_one_mask_pixel, _one_clip_less])
def test_models_that_were_scored_on_different_footage_are_refused(project, change):
    change(project)
    project.evaluate(BAD)
    with pytest.raises(UserError, match=f"{GOOD} and {BAD} were scored on different clips"):
        project.compare()


@pytest.mark.parametrize(
    "change",
    [
        lambda p: shutil.rmtree(p.models / BAD),
        lambda p: p.train(BAD, sha256="of another"),
        lambda p: p.train(BAD, number=2, trained=True, seed=2),
    ],
    ids=["no training", "trained again", "another seed"],
)
def test_a_model_that_was_trained_after_its_evaluation_is_refused(project, change):
    change(project)
    for node in (project.draw, project.page):
        with pytest.raises(UserError, match=f"{BAD} was trained again.*--params=model={BAD}"):
            node()


def test_every_seed_that_was_scored_is_reported(project):
    project.train(GOOD, seed=1)
    project.train(GOOD, number=2, sha256="of the second", seed=2)
    second = Training(2, 2, "of the second", diverged=False)
    project.scores[GOOD]["trainings"].append(asdict(second))
    project.draw()
    assert "FGSTP, seed 2" in project.page()


def test_other_validation_clips_change_nothing(project):
    change(project, "v_0000", masks=1 - project.folder.clip("v_0000").masks())
    project.draw()


def test_clips_that_changed_after_the_evaluation_are_refused(project):
    change(project, "t_0000", frames=255 - project.folder.clip("t_0000").frames)
    with pytest.raises(UserError, match=f"differ from those that {GOOD} was scored on"):
        project.draw()


# ---------------------------------------------------------------------- charts and page


def test_curves_over_thresholds_have_the_means_of_the_tables(made):
    """The mean over thresholds is mIoU, since every scored frame of so short videos is drawn."""
    charts = made.charts()
    for protocol in ("paper", "operational"):
        for own in charts[f"iou_{protocol}"].series:
            found = made.scores[own.model]["protocols"][protocol]
            assert own.y.mean() == pytest.approx(found["iou_mean"], abs=1e-6)
            assert own.y[found["threshold"]] == pytest.approx(found["iou"], abs=1e-6)
    for own in charts["e_measure_paper"].series:
        expected = made.scores[own.model]["protocols"]["paper"]["e_mean"]
        assert own.y.mean() == pytest.approx(expected, abs=1e-6)


def test_the_roc_curve_has_the_area_of_the_tables(made):
    for own in made.charts()["roc"].series:
        expected = made.scores[own.model]["protocols"]["operational"]["auroc"]
        assert np.trapezoid(own.y, own.x) == pytest.approx(expected)


def test_a_model_that_misses_half_of_the_gas_has_a_recall_of_half(made):
    curves = {own.model: own for own in made.charts()["pixel_precision_recall"].series}
    assert (curves[BAD].x.max(), curves[GOOD].x.max()) == (0.5, 1.0)
    assert curves[BAD].y.min() == curves[GOOD].y.min() == 1.0


def test_the_page_has_frames_and_masks_of_every_video(made):
    text = made.page()
    for video in ("t", "u"):
        data = json.loads(re.search(f'data-frames="{video}">(.*?)</script>', text)[1])
        assert data["number"] == [0, 1, 2, 3]
        assert [bool(each) for each in data["truth"]] == [False, True, False, True]
        assert [bool(each) for each in data["masks"][GOOD]] == [False, True, False, True]
        assert all(each.startswith("data:image/webp") for each in data["frames"])
    assert not re.search(r'(src|href)="https?:', text)


def test_what_does_not_fit_the_page_stands_beside_it(made, monkeypatch):
    monkeypatch.setattr("fgstp.reporting.page.page.LARGEST_BYTES", 0)
    results = made.results()
    text, beside = write_page(results, draw_charts(results), {})
    assert {"t.js", "u.js"} <= set(beside)
    assert beside["t.js"].startswith('fgstpVideo("t",{')
    assert "data-frames=" not in text
    assert 'data-file="report/t.js"' in text
