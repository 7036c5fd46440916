"""Nodes of report: thin adapters between the catalog and `fgstp.reporting`.

Their arguments are datasets of the catalog.
"""

import logging
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fgstp.core.versions import git_state, package_versions
from fgstp.footage.clip_table import ClipRow
from fgstp.footage.video_store import VideoStore
from fgstp.inference.prediction_store import PredictionStore
from fgstp.inference.trainings import scored_records
from fgstp.models.training_records import seed_folder
from fgstp.pipelines.tracking import flat, log_figures, log_texts
from fgstp.reporting.all_charts import Charts, make_charts
from fgstp.reporting.chart_figure import chart_figure
from fgstp.reporting.comparison import Comparison, compare
from fgstp.reporting.page.page import Run, page
from fgstp.reporting.page.videos import galleries, shown_videos
from fgstp.reporting.predictions import prediction_figure
from fgstp.reporting.rendering import headline_text, table_files
from fgstp.reporting.results import Results
from fgstp.reporting.summaries import check_unchanged
from fgstp.reporting.timelines import timeline_figure
from fgstp.reporting.trainings import training_history

logger = logging.getLogger(__name__)

PREDICTIONS, TIMELINES = "predictions", "frame_scores"  # names of figures
ByModel = dict[str, dict[str, Any]]


def compare_models(
    scores: ByModel,
    summaries: dict[str, pd.DataFrame],
    timelines: dict[str, pd.DataFrame],
    model_costs: pd.DataFrame,
) -> tuple[Comparison, dict[str, str], str]:
    """Compare the evaluated models.

    Returns:
        The comparison of the models that have summaries, its tables by file name, and the
        headline.

    Raises:
        UserError: no model has been evaluated, or two are not comparable.
    """
    # Git also brings scores of other machines, but not their summaries.
    complete = summaries.keys() & timelines.keys()
    evaluated = {model: scores[model] for model in scores if model in complete}
    if left_out := [model for model in scores if model not in evaluated]:
        logger.warning(
            "Left out of the report, since they were not evaluated here or not to the end: %s; "
            "evaluate them with `kedro run --pipelines=train,evaluate --params=model=NAME`.",
            ", ".join(left_out),
        )
    own = {model: timelines[model] for model in evaluated}
    comparison = compare(evaluated, summaries, own, model_costs)
    tables, headline = table_files(comparison), headline_text(comparison)
    log_texts({f"tables/{name}": text for name, text in tables.items()})
    logger.info("\n%s", headline)
    return comparison, tables, headline


def gather_results(
    comparison: Comparison,
    models: Path,
    clips: pd.DataFrame,
    videos: pd.DataFrame,
    video_store: VideoStore,
    predictions: Path,
    frame_scores: dict[str, pd.DataFrame],
    timelines: dict[str, pd.DataFrame],
    events: dict[str, pd.DataFrame],
) -> Results:
    """Gather what charts, figures and page are made of.

    Raises:
        UserError: clips or trainings have changed since the evaluation, or a file is missing.
    """
    names = check_unchanged(comparison.facts, clips, video_store)
    maps = {
        model: partial(_maps, predictions / model, each["trainings"][0]["number"])
        for model, each in comparison.facts.items()
    }
    trainings = {
        model: list(scored_records(models / model, facts).values())
        for model, facts in comparison.facts.items()
    }
    test = clips[clips["clip"].isin(names)].merge(videos[["video", "category"]], on="video")
    traced = frame_scores, timelines, events
    return Results(comparison, test, videos, video_store, maps, *traced, trainings)


def _maps(predictions: Path, training: int, clip: ClipRow) -> NDArray[np.uint8]:
    return PredictionStore(seed_folder(predictions, training)).read(clip).maps


def draw_charts(results: Results) -> Charts:
    """Compute what the charts of page and papers show; a `UserError` without predictions."""
    return make_charts(results)


def draw_figures(results: Results, charts: Charts) -> dict[str, Figure]:
    """Draw predictions, frame scores and charts for papers, by name."""
    comparison = results.comparison
    made_of = results.clip_table, results.store, results.predictions
    figures = {
        PREDICTIONS: prediction_figure(*made_of, comparison.footage, comparison.facts),
        TIMELINES: timeline_figure(results.timelines, comparison.facts),
        **{chart.name: chart_figure(chart) for each in charts.values() for chart in each},
    }
    log_figures({f"figures/{name}.png": figure for name, figure in figures.items()})
    return figures


def list_epochs(results: Results) -> pd.DataFrame:
    """List the epochs of all evaluated trainings, which `dvc plots show` draws."""
    return training_history(results.trainings)


def write_page(
    results: Results, charts: Charts, settings: dict[str, Any]
) -> tuple[str, dict[str, str]]:
    """Write the report as one HTML page, and what stands beside it."""
    pictures = galleries(results)
    shown = shown_videos(results, pictures)
    run = Run(_facts(results.comparison), dict(flat(settings)))
    made = page(results, charts, shown, pictures, run)
    log_texts({"report.html": made.html})
    return made.html, made.beside


def _facts(comparison: Comparison) -> dict[str, str]:
    """What the scores depend on beside the settings."""
    facts: dict[str, str] = {}
    if state := git_state(Path.cwd()):
        facts["Commit"] = state.commit + " with uncommitted changes" * state.is_dirty
    first = next(iter(comparison.facts.values()))
    facts["Test footage"] = f"SHA-256 {first['footage_sha256']}"
    for row in comparison.rows:
        for each in comparison.facts[row.model]["trainings"]:
            seed = "no seed" if each["seed"] is None else f"seed {each['seed']}"
            name = f"{row.title()}, training {each['number']}"
            facts[name] = f"{seed}, checkpoint SHA-256 {each['checkpoint_sha256']}"
    versions = package_versions()
    return facts | {"Versions": ", ".join(f"{name} {each}" for name, each in versions.items())}
