"""What happens around every Kedro run: MLflow records, stopped runs, errors in one sentence."""

import atexit
import logging
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import mlflow
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.validation import ParameterValidationError
from pydantic import BaseModel

from fgstp.core.errors import UserError, fault_reason
from fgstp.footage.summary import refusals

logger = logging.getLogger(__name__)

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
MODEL, MODELS, RECORD = "params:model", "params:models", "training@one"
BLOCKS = ("ingest", "models", "train", "evaluate", "model", "seed", "data")


class ProjectHooks:
    """Hooks of the project; kedro-mlflow's own hooks open and close the MLflow run."""

    def __init__(self) -> None:
        self._handlers: dict[signal.Signals, Any] = {}
        self._run_is_theirs = False

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Tell a user's mistake in one sentence instead of a traceback."""
        sys.excepthook = _tell_user
        # One that a notebook opened, say; kedro-mlflow opens its own later.
        self._run_is_theirs = mlflow.active_run() is not None

    @hook_impl
    def after_catalog_created(self, parameters: dict[str, Any]) -> None:
        """Refuse a block of settings that nothing would read.

        Raises:
            UserError: there is one.
        """
        named = (name.removeprefix("params:").split(".")[0] for name in parameters)
        blocks = dict.fromkeys(name for name in named if name not in (*BLOCKS, "parameters"))
        unknown = [name for name in blocks if not name.startswith("_")]
        if unknown:
            raise UserError(
                f"There is no block of settings {', '.join(unknown)}; there are "
                f"{', '.join(BLOCKS)}. Correct conf/ or --params."
            )

    @hook_impl(trylast=True)
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Tag the MLflow run with commit, command and model; see that a stop is recorded.

        Raises:
            UserError: the model that is named is none.
        """
        if MODEL in pipeline.inputs():
            self._check_model(catalog.load(MODEL), catalog)
        if run := mlflow.active_run():
            command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
            mlflow.set_tags({**_git_tags(Path(run_params["project_path"])), "command": command})
            if MODEL in pipeline.inputs():
                model = catalog.load(MODEL)
                mlflow.set_tags({"model": model, "mlflow.runName": f"{model}: {run.info.run_name}"})
        if threading.current_thread() is threading.main_thread():
            self._handlers = {name: signal.signal(name, _stop) for name in STOP_SIGNALS}

    @hook_impl
    def before_node_run(self, inputs: dict[str, Any]) -> None:
        """Log typed parameters one by one; kedro-mlflow logs each block as one text only."""
        if mlflow.active_run():
            for name, value in inputs.items():
                if name == MODELS:  # of the many, the one that is run
                    model = inputs[MODEL]
                    _log_block(f"models.{model}", value.of(model))
                elif name.startswith("params:") and isinstance(value, BaseModel):
                    _log_block(name[7:], value)

    @hook_impl(trylast=True)
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Close the MLflow run, and say at the very end which videos could not be used."""
        self._restore_handlers()
        # kedro-mlflow opens its run once more for each node, but closes it only once: the
        # next run in the same process would go on with it.
        while mlflow.active_run() and not self._run_is_theirs:
            mlflow.end_run()
        if "videos" in pipeline.all_outputs():
            videos = catalog.load("videos")
            for number, sentence in enumerate(refused := refusals(videos), start=1):
                logger.warning("Video not used (%d of %d): %s", number, len(refused), sentence)

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Leave the signals as they were."""
        self._restore_handlers()

    def _check_model(self, name: object, catalog: DataCatalog) -> None:
        from fgstp.models.registry import check_name  # noqa: PLC0415 - ingest does without torch

        try:
            check_name(name)
            files_of = catalog[RECORD]._describe()["model"] if RECORD in catalog else name
            if files_of != name:  # its files would be written over
                raise UserError(
                    f"The parameter model is {name}, but the files are those of {files_of}; "
                    "choose the model in globals.yml or with --params=model=NAME."
                )
        except UserError:
            while mlflow.active_run() and not self._run_is_theirs:
                mlflow.end_run("FAILED")
            raise

    def _restore_handlers(self) -> None:
        for name, handler in self._handlers.items():
            signal.signal(name, handler)
        self._handlers = {}


def _log_block(name: str, block: BaseModel) -> None:
    mlflow.log_params(dict(flatten(name, block.model_dump(mode="json"))))


def flatten(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    """Leaves of nested settings with dotted names.

    Args:
        prefix: name of the value itself.
        value: a dict of settings, or a leaf.

    Yields:
        Name and value of each leaf.
    """
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flatten(f"{prefix}.{key}", inner)
    else:
        yield prefix, value


def _git_tags(project: Path) -> dict[str, str]:
    """Commit and state of the project's working tree; nothing outside a git repository."""
    commit = _git(project, "rev-parse", "HEAD")
    if commit is None:
        return {}
    dirty = bool(_git(project, "status", "--porcelain"))
    return {"mlflow.source.git.commit": commit, "git.dirty": str(dirty).lower()}


def _git(project: Path, *arguments: str) -> str | None:
    try:
        answer = subprocess.run(
            ["git", "-C", str(project), *arguments], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.stdout.strip()


def _stop(number: int, _frame: FrameType | None) -> None:
    """Leave with the shell's exit status for the signal; the run is recorded as killed.

    That is done on the way out: what was interrupted may hold the lock of MLflow's database.
    """
    atexit.register(_end_as_killed)  # runs before MLflow's own, which was registered earlier
    raise SystemExit(128 + number)


def _end_as_killed() -> None:
    while mlflow.active_run():
        mlflow.end_run("KILLED")


def _tell_user(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print a user's mistake as one sentence; anything else as Python would."""
    sentence = user_sentence(error)
    if sentence is None:
        sys.__excepthook__(kind, error, trace)
    else:
        sys.stderr.write(f"Error: {sentence}\n")


def user_sentence(error: BaseException | None) -> str | None:
    """The sentence for an error that a user can mend, None for a fault of ours.

    Args:
        error: an exception; Kedro wraps those of datasets, so its causes count too.

    Returns:
        What to tell.
    """
    while error is not None:
        if isinstance(error, UserError):
            return str(error)
        if isinstance(error, ParameterValidationError):
            return _settings_sentence(str(error))
        error = error.__cause__
    return None


def _settings_sentence(report: str) -> str:
    """Pydantic's report on wrong settings, as `ingest.clip_length_frames is 0: ...`."""
    faults = []
    for block, text in re.findall(
        r"Parameter '(.+?)': (.*?)(?=^- Parameter|\Z)", report, re.M | re.S
    ):
        for key, what, value in re.findall(
            r"^(\S+\n)?  (.+?) \[type=\w+, input_value=(.*?), input_type=\w+\]", text, re.M
        ):
            place = f"{block}.{key.strip()} is {value}" if key else block
            faults.append(f"{place}: {fault_reason(what)}")
    return "; ".join(faults) + "; correct conf/ or --params." if faults else report
