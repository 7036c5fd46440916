"""What MLflow records of every run: its name, tags, each setting, what it made, how it ended."""

import atexit
import shlex
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.framework.project import settings
from kedro.io import DataCatalog
from kedro.io.core import DatasetError
from kedro.pipeline import Pipeline
from pydantic import BaseModel

from fgstp.core.config import check_seed
from fgstp.core.errors import UserError
from fgstp.core.process import from_launcher
from fgstp.core.versions import git_state
from fgstp.pipelines.footage_inputs import log_inputs
from fgstp.pipelines.mlflow_client import default_uri
from fgstp.pipelines.system_metrics import SystemMetrics
from fgstp.pipelines.tracking import CURRENT, TrackedRun, flat

PARAMS = "params:"
ORDER = ("ingest", "features", "train", "evaluate", "report")
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class RunHooks:
    """Opens, completes and closes the run of MLflow."""

    def __init__(self) -> None:
        self._run: TrackedRun | None = None
        self._system: SystemMetrics | None = None

    @hook_impl(trylast=True)
    def before_pipeline_run(
        self, run_params: Mapping[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Open a run and describe it, or take one that is open, such as that of a notebook."""
        if from_launcher("RANK"):
            return  # of processes that a launcher started together, the first one records
        project, names = Path(run_params["project_path"]), in_order(run_params["pipeline_names"])
        self._end("KILLED")  # a run that was stopped in this process
        given = {name: catalog.load(f"{PARAMS}{name}") for name in _parameters(pipeline)}
        about = _model_and_seed(given)
        words = [about.get("model", ""), f"seed {about['seed']}" if "seed" in about else ""]
        name = " ".join(filter(None, [*words, "+".join(names)]))  # lists of runs cut long names
        self._run = _open_run() or TrackedRun(default_uri(project), name)
        CURRENT.set(self._run)
        self._system = SystemMetrics(self._run)
        self._system.start()
        # A signal ends Python and tells no hook; by then no code holds MLflow's database.
        atexit.register(self._end, "KILLED")
        tags = {
            "env": run_params["env"] or settings.CONFIG_LOADER_ARGS["default_run_env"],
            "pipelines": "+".join(names),
            "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        }
        self._run.set_tags(tags | about | _git_tags(project) | _footage_tags(catalog, pipeline))
        self._run.log_params(_settings(given))

    @hook_impl
    def before_node_run(self) -> None:
        """Tell the node of the run; it may run in a thread of its own."""
        CURRENT.set(self._run)

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Log what the whole run has made, and close it."""
        made = pipeline.all_outputs()
        if self._run and "clips" in made:
            self._run.set_tags(_footage_tags(catalog))
        if self._run and made & {"models", "scores"}:
            _log_footage(self._run, catalog)
            _log_models(catalog, is_scored="scores" in made)
        self._end("FINISHED")

    @hook_impl(tryfirst=True)
    def on_pipeline_error(self) -> None:
        """Close the run as failed."""
        self._end("FAILED")

    def _end(self, status: str) -> None:
        atexit.unregister(self._end)
        if self._system:
            self._system.stop()
        if self._run:
            self._run.end(status)
        self._run = self._system = None
        CURRENT.set(None)


class StopHooks:
    """Ends Python as it should end when Ctrl-C or SIGTERM stops a run, and without a traceback."""

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


def _stop(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)  # the shell's status for the signal


def in_order(names: list[str] | None) -> list[str]:
    """Names of pipelines in the order in which they run; those of a command come unordered."""
    chosen = set(names or ORDER)
    if "__default__" in chosen:
        chosen = chosen - {"__default__"} | set(ORDER)
    return [name for name in ORDER if name in chosen] + sorted(chosen - set(ORDER))


def _parameters(pipeline: Pipeline) -> list[str]:
    """Names of the parameters that a pipeline reads."""
    names = (name for name in pipeline.inputs() if name.startswith(PARAMS))
    return sorted(name.removeprefix(PARAMS) for name in names)


def _settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """Each setting by its dotted name; of the models, those of the one that runs."""
    blocks = dict(given)
    if models := blocks.pop("models", None):
        blocks[f"models.{given['model']}"] = models.of(given["model"])
    for name, block in blocks.items():
        if isinstance(block, BaseModel):
            blocks[name] = block.model_dump(mode="json")
    return dict(flat(blocks))


def _open_run() -> TrackedRun | None:
    """The run that the user has opened; none if MLflow has not even been imported."""
    mlflow = sys.modules.get("mlflow")
    run = mlflow.active_run() if mlflow else None
    return TrackedRun(mlflow.get_tracking_uri(), run_id=run.info.run_id) if mlflow and run else None


def _model_and_seed(given: Mapping[str, Any]) -> dict[str, str]:
    """The model and the seeds of the trainings, as far as the pipelines depend on them."""
    found = {"model": str(given["model"])} if "model" in given else {}
    if "seed" in given:
        first = last = check_seed(given["seed"])
        if train := given.get("train"):
            first = first + (train.seed_index or 1) - 1
            last = first if train.seed_index else first + train.seeds - 1
        found["seed"] = f"{first}-{last}" if last > first else str(first)
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


def _log_footage(run: TrackedRun, catalog: DataCatalog) -> None:
    """Log the clips as data sets, whether they were there before or made by this run."""
    with suppress(UserError, DatasetError):
        dataset: Any = catalog["clips"]
        source = _joined(catalog.load("videos")["source"])
        log_inputs(run, dataset.load(), source, dataset.filepath)


def _log_models(catalog: DataCatalog, *, is_scored: bool) -> None:
    """Log cards of the trainings of the model, and register them."""
    # Ingest does without torch.
    from fgstp.pipelines.cards import log_cards  # noqa: PLC0415
    from fgstp.pipelines.model_versions import log_versions  # noqa: PLC0415

    with suppress(UserError, DatasetError):  # of files of other models
        model = catalog.load(f"{PARAMS}model")
        folder = catalog.load("models") / model
        cards = log_cards(folder, catalog.load("scores")[model] if is_scored else None)
        log_versions(folder, cards)


def _joined(column: Any) -> str:  # noqa: ANN401 - a column of pandas
    return "+".join(sorted(column.dropna().astype(str).unique()))


def _git_tags(project: Path) -> dict[str, str]:
    """Commit and state of the project's working tree; empty outside a git repository."""
    state = git_state(project)
    if state is None:
        return {}
    return {"mlflow.source.git.commit": state.commit, "git.dirty": str(state.is_dirty).lower()}
