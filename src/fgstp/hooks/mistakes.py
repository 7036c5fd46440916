"""Mistakes of the user: found before anything runs if possible, reported in one sentence."""

import logging
from collections.abc import Mapping
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.validation.type_extractor import TypeExtractor
from pydantic import BaseModel, ValidationError

from fgstp.core.config import faults
from fgstp.core.errors import UserError, did_you_mean
from fgstp.core.process import from_launcher
from fgstp.hooks.sentences import CommandError, user_sentence

TRAIN = "train_model"  # the node
BLOCKS = ("ingest", "models", "train", "evaluate", "model", "seed", "data")

logger = logging.getLogger(__name__)


class MistakeHooks:
    """Checks settings before the run, and reports mistakes without a traceback."""

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Check the settings of the pipelines that will run.

        Kedro checks them too, but only keeps the text of pydantic's reports.

        Raises:
            CommandError: a setting or the name of the model is wrong.
        """
        parameters = context.config_loader["parameters"]
        try:
            _check_blocks(parameters)
            _check_settings(parameters)
            _check_model(parameters, context)
        except UserError as error:
            raise CommandError(str(error)) from error

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, run_params: Mapping[str, Any], pipeline: Pipeline) -> None:
        """Refuse all nodes but `train_model` in several processes of a launcher.

        Raises:
            CommandError: the processes would write the same files, or Kedro would run the nodes in
                processes of its own.
        """
        if "ParallelRunner" in str(run_params["runner"]):
            raise CommandError(
                "ParallelRunner runs nodes in processes, which the nodes of report do not bear; "
                "leave it out: what takes long works on several videos by itself, see "
                "ingest.parallel."
            )
        size = from_launcher("WORLD_SIZE", least=1)
        if size > 1 and {node.short_name for node in pipeline.nodes} != {TRAIN}:
            raise CommandError(
                f"A launcher started {size} processes (WORLD_SIZE), but only train works in "
                "several; run `kedro run --pipelines=train` in them, and the rest without it."
            )

    @hook_impl(trylast=True)
    def on_pipeline_error(self, error: Exception) -> None:
        """Replace an error that a `UserError` caused.

        Raises:
            CommandError: the sentence of the `UserError`.
        """
        if (sentence := user_sentence(error)) is not None:
            raise CommandError(sentence) from error

    @hook_impl(trylast=True)
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Log a line for each refused video, last, where it is seen after hours of training."""
        if "videos" in pipeline.all_outputs():
            refused = catalog.load("videos")["error"].dropna()
            for number, sentence in enumerate(refused, start=1):
                logger.warning("Video not used (%d of %d): %s", number, len(refused), sentence)


def _check_blocks(parameters: Mapping[str, Any]) -> None:
    for name in parameters:
        if name not in BLOCKS and not str(name).startswith("_"):
            raise UserError(
                f"There is no block of settings {name}{did_you_mean(name, BLOCKS)}; there are "
                f"{', '.join(BLOCKS)}. Correct conf/ or --params."
            )
    data = parameters.get("data", "data")
    if not isinstance(data, str) or not data.strip() or "\0" in data:
        raise UserError(f"The data folder is {data!r}; give its path, as in --params=data=data.")


def _check_settings(parameters: Mapping[str, Any]) -> None:
    """Check each block against the type that the nodes give their argument."""
    found = []
    for name, kind in TypeExtractor(dict(pipelines)).extract_types_from_pipelines().items():
        if issubclass(kind, BaseModel):
            try:
                kind.model_validate(parameters.get(name))
            except ValidationError as error:
                found.append(faults(error, name))
    if found:
        raise UserError(f"{'; '.join(found)}; correct conf/ or --params.")


def _check_model(parameters: Mapping[str, Any], context: KedroContext) -> None:
    if not any("params:model" in pipeline.inputs() for pipeline in pipelines.values()):
        return
    from fgstp.models.registry import check_name  # noqa: PLC0415 - ingest does without torch

    name, loader = parameters.get("model"), context.config_loader
    check_name(name)
    # Where the catalog finds the model whose files it reads and writes.
    of_catalog = (loader.runtime_params or {}).get("model", loader["globals"].get("model"))
    if name != of_catalog:
        raise UserError(
            f"The parameter model is {name}, but the files are those of {of_catalog}; choose the "
            "model in globals.yml or with --params=model=NAME."
        )
