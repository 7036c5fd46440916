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

from fgstp.footage.clip_table import ClipRow
from fgstp.footage.video_store import VideoStore
from fgstp.inference.prediction_store import PredictionStore
from fgstp.inference.trainings import scored_records
from fgstp.models.checkpoint import seed_folder
from fgstp.pipelines.tracking import log_figures, log_texts
from fgstp.reporting.comparison import Comparison, compare
from fgstp.reporting.events import event_figure
from fgstp.reporting.predictions import prediction_figure
from fgstp.reporting.rendering import headline_text, page, table_files
from fgstp.reporting.summaries import check_unchanged
from fgstp.reporting.timelines import timeline_figure
from fgstp.reporting.trainings import training_curves, training_history

logger = logging.getLogger(__name__)

PREDICTIONS, TIMELINES, EVENTS = "predictions", "frame_scores", "events"  # names of figures
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


def draw_figures(
    comparison: Comparison,
    models: Path,
    clips: pd.DataFrame,
    videos: pd.DataFrame,
    video_store: VideoStore,
    predictions: Path,
    timelines: dict[str, pd.DataFrame],
    events: dict[str, pd.DataFrame],
) -> tuple[dict[str, Figure], dict[str, Figure]]:
    """Draw predictions, frame scores, events and training curves of the evaluated models.

    Returns:
        The figures of predictions, of frame scores and, where leaks are known, of events, and the
        training curves, by name.

    Raises:
        UserError: predictions are missing, or clips or trainings have changed since the
            evaluation.
    """
    test = check_unchanged(comparison.facts, clips, video_store)
    examples = prediction_figure(
        clips[clips["clip"].isin(test)].merge(videos[["video", "category"]], on="video"),
        video_store,
        {
            model: partial(_maps, predictions / model, each["trainings"][0]["number"])
            for model, each in comparison.facts.items()
        },
        comparison.footage,
        comparison.facts,
    )
    figures = {PREDICTIONS: examples, TIMELINES: timeline_figure(timelines, comparison.facts)}
    if drawn := event_figure(timelines, events, comparison.facts):
        figures[EVENTS] = drawn
    log_figures({f"figures/{name}.png": figure for name, figure in figures.items()})
    return figures, training_curves(_scored_trainings(comparison, models))


def list_epochs(comparison: Comparison, models: Path) -> pd.DataFrame:
    """List the epochs of all evaluated trainings, which `dvc plots show` draws."""
    return training_history(_scored_trainings(comparison, models))


def write_page(
    comparison: Comparison, models: Path, figures: dict[str, bytes], curves: dict[str, bytes]
) -> str:
    """Write the report as one HTML page that needs no other file.

    Raises:
        UserError: a model was trained again after its evaluation.
    """
    scored = _scored_trainings(comparison, models)
    drawn = figures[PREDICTIONS], figures[TIMELINES]
    text = page(comparison, scored, curves, *drawn, events=figures.get(EVENTS))
    log_texts({"report.html": text})
    return text


def _maps(predictions: Path, training: int, clip: ClipRow) -> NDArray[np.uint8]:
    return PredictionStore(seed_folder(predictions, training)).read(clip).maps


def _scored_trainings(comparison: Comparison, models: Path) -> dict[str, list[dict[str, Any]]]:
    """Records of the trainings whose checkpoints were evaluated, by model."""
    return {
        model: list(scored_records(models / model, facts).values())
        for model, facts in comparison.facts.items()
    }
