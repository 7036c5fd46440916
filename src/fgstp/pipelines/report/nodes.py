"""Nodes of report: thin adapters between the catalog and `fgstp.reporting`."""

import logging
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from fgstp.core.errors import UserError
from fgstp.footage.clip_store import ClipStore
from fgstp.inference.prediction_store import PredictionStore
from fgstp.pipelines.tracking import log_texts
from fgstp.reporting.costs import cost_files
from fgstp.reporting.headline import headline
from fgstp.reporting.latex import as_latex
from fgstp.reporting.markdown import as_markdown
from fgstp.reporting.page import report_page
from fgstp.reporting.prediction_figure import prediction_figure
from fgstp.reporting.scored_footage import check_unchanged, same_footage
from fgstp.reporting.summaries import with_facts
from fgstp.reporting.tables import table1, table2
from fgstp.reporting.training_curves import training_curves

logger = logging.getLogger(__name__)

PREDICTIONS = "predictions"  # name of the figure
ByModel = dict[str, dict[str, Any]]


def compare_models(
    scores: ByModel, summaries: dict[str, pd.DataFrame], model_costs: pd.DataFrame
) -> tuple[dict[str, str], str]:
    """Write the tables, and say the most important of them.

    Args:
        scores: by model, its scores and what they are of.
        summaries: by model, its summaries; models without are left out.
        model_costs: what the models cost; empty if that was not measured.

    Returns:
        Tables by file name, and the headline.

    Raises:
        UserError: no model has been evaluated, or two on different footage.
    """
    evaluated = _evaluated(scores, summaries)
    footage = same_footage(evaluated)
    left_out = [model for model in scores if model not in evaluated]
    if left_out:
        logger.warning(
            "Left out of the report, as their scores were not made here or not to the end: %s; "
            "`kedro run --pipelines=train,evaluate --params=model=NAME` makes them.",
            ", ".join(left_out),
        )
    together = _together(evaluated, summaries)
    tables = cost_files(model_costs)
    for table in (table1(together, footage), table2(together, footage)):
        tables |= {
            f"{table.name}.csv": table.tidy().to_csv(index=False),
            f"{table.name}.md": as_markdown(table),
            f"{table.name}.tex": as_latex(table),
        }
    log_texts({f"tables/{name}": text for name, text in tables.items()})
    summary = headline(together, footage)
    logger.info("\n%s", summary)
    return tables, summary


def draw_figures(
    scores: ByModel,
    summaries: dict[str, pd.DataFrame],
    trainings: ByModel,
    clips: pd.DataFrame,
    videos: pd.DataFrame,
    clip_files: ClipStore,
    predictions: Path,
) -> tuple[dict[str, Figure], dict[str, Figure]]:
    """Draw what the models predict, and how they were trained.

    Args:
        scores: by model, its scores and what they are of.
        summaries: by model, its summaries; models without are left out.
        trainings: by model, how it was trained.
        clips: clip table.
        videos: video table.
        clip_files: the clips.
        predictions: folder of predictions.

    Returns:
        The figure of predictions and the training curves, by name.

    Raises:
        UserError: predictions are missing, or the clips are others than were scored.
    """
    scores = _evaluated(scores, summaries)
    footage = same_footage(scores)
    check_unchanged(scores, clips, clip_files)
    test = clips[clips["dropped"].isna() & (clips["split"] == "test")]
    figure = prediction_figure(
        test.merge(videos[["video", "category"]], on="video"),
        clip_files,
        {model: PredictionStore(predictions / model).read for model in scores},
        footage,
        scores,
    )
    return {PREDICTIONS: figure}, training_curves(_of(scores, trainings))


def write_page(
    scores: ByModel,
    summaries: dict[str, pd.DataFrame],
    trainings: ByModel,
    figures: dict[str, bytes],
    curves: dict[str, bytes],
    model_costs: pd.DataFrame,
) -> str:
    """Put all on a page.

    Args:
        scores: by model, its scores and what they are of.
        summaries: by model, its summaries; models without are left out.
        trainings: by model, how it was trained.
        figures: figures as PNG by name.
        curves: training curves as PNG by name.
        model_costs: what the models cost; empty if that was not measured.

    Returns:
        The page, HTML that needs nothing beside itself.
    """
    scores = _evaluated(scores, summaries)
    footage = same_footage(scores)
    page = report_page(
        _together(scores, summaries),
        _of(scores, trainings),
        footage,
        curves,
        figures[PREDICTIONS],
        costs=model_costs,
    )
    log_texts({"report.html": page})
    return page


def _evaluated(scores: ByModel, summaries: dict[str, pd.DataFrame]) -> ByModel:
    """Scores that were made here: git brings those of other machines, but no summaries."""
    return {model: scores[model] for model in scores if model in summaries}


def _together(scores: ByModel, summaries: dict[str, pd.DataFrame]) -> pd.DataFrame:
    together = pd.concat([summaries[model] for model in scores], ignore_index=True)
    return with_facts(together.fillna({"note": ""}), scores)  # empty cells of the files


def _all_of(training: dict[str, Any]) -> list[dict[str, Any]]:
    """The records of a model's trainings, the first and its repeats."""
    return [training, *training.get("repeats", [])]


def _of(scores: ByModel, trainings: ByModel) -> ByModel:
    """The trainings of the models that are reported, of the very checkpoints that were scored."""
    for model in scores:
        training, known = trainings.get(model, {}), scores[model]
        digests = [each.get("checkpoint_sha256") for each in _all_of(training)]
        if digests != [known["checkpoint_sha256"], *known.get("repeats_sha256", [])]:
            raise UserError(
                f"{model} was trained again after it was scored, or its training.json is gone; "
                f"run `kedro run --pipelines=train,evaluate --params=model={model}`."
            )
    return {model: trainings[model] for model in scores}
