"""What MLflow records of every run: its name, tags, each setting, and how it ended."""

import atexit
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.framework.project import settings
from kedro.io import DataCatalog
from kedro.io.core import DatasetError
from kedro.pipeline import Pipeline
from pydantic import BaseModel

from fgstp.core.config import check_seed
from fgstp.core.errors import UserError
from fgstp.core.process import from_launcher
from fgstp.pipelines.mlflow_client import default_uri
from fgstp.pipelines.tracked_run import TrackedRun
from fgstp.pipelines.tracking import CURRENT

MODEL, MODELS, TRAIN, SEED = "params:model", "params:models", "params:train", "params:seed"
ORDER = ("ingest", "features", "train", "evaluate", "report")
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class RunHooks:
    """Opens, completes and closes the run of MLflow."""

    def __init__(self) -> None:
        self._run: TrackedRun | None = None
        self._is_theirs = False
        self._environment = ""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Note the environment."""
        self._environment = context.env or settings.CONFIG_LOADER_ARGS["default_run_env"]

    @hook_impl(trylast=True)
    def before_pipeline_run(
        self, run_params: Mapping[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Open a run and tag it, or take one that is open, such as that of a notebook."""
        if from_launcher("RANK"):
            return  # of processes that a launcher started together, the first one records
        project, names = Path(run_params["project_path"]), in_order(run_params["pipeline_names"])
        about = _model_and_seed(pipeline, catalog)
        self._run, self._is_theirs = _open_run(), True
        if self._run is None:
            words = ["+".join(names), *(f"{key} {value}" for key, value in about.items())]
            name = " ".join(words).replace(" model ", " ")
            self._run, self._is_theirs = TrackedRun(default_uri(project), name), False
        CURRENT.set(self._run)
        command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
        tags = {"env": self._environment, "pipelines": "+".join(names), "command": command}
        self._run.set_tags(tags | about | _git_tags(project) | _footage_tags(catalog, pipeline))

    @hook_impl
    def before_node_run(self, inputs: Mapping[str, Any]) -> None:
        """Log each setting, once."""
        CURRENT.set(self._run)  # a node may run in a thread of its own
        if self._run:
            for name, value in inputs.items():
                if name == MODELS:  # only the model that runs
                    model = inputs[MODEL]
                    self._run.log_params(_settings(f"models.{model}", value.of(model)))
                elif name.startswith("params:"):
                    self._run.log_params(_settings(name.removeprefix("params:"), value))

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Log what the whole run has made, and close it."""
        made = pipeline.all_outputs()
        if self._run and "clips" in made:
            self._run.set_tags(_footage_tags(catalog))
        if self._run and made & {"models", "scores"}:
            from fgstp.pipelines.cards import log_cards  # noqa: PLC0415 - ingest does without torch

            with suppress(UserError, DatasetError):  # of files of other models
                model = catalog.load(MODEL)
                scores = catalog.load("scores")[model] if "scores" in made else None
                log_cards(catalog.load("models") / model, scores)
        self._end("FINISHED")

    @hook_impl(tryfirst=True)
    def on_pipeline_error(self) -> None:
        """Close the run as failed."""
        self._end("FAILED")

    def _end(self, status: str) -> None:
        if self._run and self._is_theirs:
            self._run.leave()
        elif self._run:
            self._run.end(status)
        self._run = None
        CURRENT.set(None)


class StopHooks:
    """Records runs that Ctrl-C or SIGTERM stops as killed."""

    def __init__(self) -> None:
        self._handlers: dict[signal.Signals, Any] = {}

    @hook_impl(trylast=True)
    def before_pipeline_run(self) -> None:
        """Install the handlers; only the main thread may do so."""
        if threading.current_thread() is threading.main_thread():
            self._handlers = {name: signal.signal(name, _stop) for name in STOP_SIGNALS}

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Restore the previous handlers."""
        for name, handler in self._handlers.items():
            signal.signal(name, handler)
        self._handlers = {}

    @hook_impl(tryfirst=True)
    def on_pipeline_error(self) -> None:
        """Restore the previous handlers."""
        self.after_pipeline_run()


def in_order(names: list[str] | None) -> list[str]:
    """Names of pipelines in the order in which they run; those of a command come unordered."""
    chosen = set(names or ORDER)
    if "__default__" in chosen:
        chosen = chosen - {"__default__"} | set(ORDER)
    return [name for name in ORDER if name in chosen] + sorted(chosen - set(ORDER))


def flatten(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    """Yield dotted name and value of each leaf of nested settings; `prefix` names the root."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flatten(f"{prefix}.{key}", inner)
    else:
        yield prefix, value


def _settings(name: str, value: Any) -> dict[str, Any]:  # noqa: ANN401 - a block or one value
    plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    return dict(flatten(name, plain))


def _open_run() -> TrackedRun | None:
    """The run that the user has opened; none if MLflow has not even been imported."""
    mlflow = sys.modules.get("mlflow")
    run = mlflow.active_run() if mlflow else None
    return TrackedRun(mlflow.get_tracking_uri(), run_id=run.info.run_id) if mlflow and run else None


def _model_and_seed(pipeline: Pipeline, catalog: DataCatalog) -> dict[str, str]:
    """The model and the seeds of the trainings, as far as the pipelines depend on them."""
    found = {}
    if MODEL in pipeline.inputs():
        found["model"] = str(catalog.load(MODEL))
    if SEED in pipeline.inputs():
        first, last = check_seed(catalog.load(SEED)), None
        if TRAIN in pipeline.inputs():
            train = catalog.load(TRAIN)
            first, last = first + (train.seed_index or 1) - 1, first + train.seeds - 1
        several = last is not None and not train.seed_index and last > first
        found["seed"] = f"{first}-{last}" if several else str(first)
    return found


def _footage_tags(catalog: DataCatalog, pipeline: Pipeline | None = None) -> dict[str, str]:
    """Source of the footage and of its masks, of tables that are there and will stay so."""
    tags = {}
    if pipeline is None or "clips" not in pipeline.all_outputs():
        with suppress(UserError, DatasetError):  # the node that needs them will say so
            tags["footage"] = _joined(catalog.load("videos")["source"])
            clips = catalog.load("clips")
            tags["mask_source"] = _joined(clips.loc[clips["dropped"].isna(), "mask_source"])
    return tags


def _joined(column: Any) -> str:  # noqa: ANN401 - a column of pandas
    return "+".join(sorted(column.dropna().astype(str).unique()))


def _git_tags(project: Path) -> dict[str, str]:
    """Commit and state of the project's working tree; empty outside a git repository."""
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
    """Exit with the shell's status for the signal.

    The run is ended on the way out, because the interrupted code may hold the lock of MLflow's
    database.
    """
    if run := CURRENT.get():
        atexit.register(run.end, "KILLED")
    raise SystemExit(128 + number)
