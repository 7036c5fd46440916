"""What MLflow records of every run: tags, each setting, and how it ended."""

import atexit
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import mlflow
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from pydantic import BaseModel

MODEL, MODELS = "params:model", "params:models"
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class RunHooks:
    """Completes and closes the run that kedro-mlflow opens."""

    def __init__(self) -> None:
        self._run_is_theirs = False

    @hook_impl
    def after_context_created(self) -> None:
        """Note whether a run is open already, such as one of a notebook."""
        self._run_is_theirs = mlflow.active_run() is not None

    @hook_impl(trylast=True)
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Tag the run with commit, command and model."""
        if run := mlflow.active_run():
            command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
            mlflow.set_tags({**_git_tags(Path(run_params["project_path"])), "command": command})
            if MODEL in pipeline.inputs():
                model = catalog.load(MODEL)
                mlflow.set_tags({"model": model, "mlflow.runName": f"{model}: {run.info.run_name}"})

    @hook_impl
    def before_node_run(self, inputs: dict[str, Any]) -> None:
        """Log each setting of a block; kedro-mlflow logs a block as one text."""
        if mlflow.active_run():
            for name, value in inputs.items():
                if name == MODELS:  # only the model that runs
                    model = inputs[MODEL]
                    _log_block(f"models.{model}", value.of(model))
                elif name.startswith("params:") and isinstance(value, BaseModel):
                    _log_block(name.removeprefix("params:"), value)

    @hook_impl(trylast=True)
    def after_pipeline_run(self) -> None:
        """Close the run, which kedro-mlflow opens again for each node but closes only once."""
        while mlflow.active_run() and not self._run_is_theirs:
            mlflow.end_run()


class StopHooks:
    """Records runs that Ctrl-C or SIGTERM stops as killed.

    Kedro and kedro-mlflow would record Ctrl-C as finished, and leave the run of a terminated
    process running forever.
    """

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


def flatten(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    """Yield dotted name and value of each leaf of nested settings; `prefix` names the root."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flatten(f"{prefix}.{key}", inner)
    else:
        yield prefix, value


def _log_block(name: str, block: BaseModel) -> None:
    mlflow.log_params(dict(flatten(name, block.model_dump(mode="json"))))


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
    atexit.register(_end_as_killed)  # runs before MLflow's own, which was registered earlier
    raise SystemExit(128 + number)


def _end_as_killed() -> None:
    while mlflow.active_run():
        mlflow.end_run("KILLED")
