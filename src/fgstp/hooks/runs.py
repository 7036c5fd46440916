"""What MLflow records of every run: tags and each setting; kedro-mlflow opens the run."""

import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from pydantic import BaseModel

MODEL, MODELS = "params:model", "params:models"


class RunHooks:
    """Completes the records of kedro-mlflow, and closes its run."""

    def __init__(self) -> None:
        self._run_is_theirs = False

    @hook_impl
    def after_context_created(self) -> None:
        """See whether a run is open already, such as one of a notebook."""
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
        """Close the run.

        kedro-mlflow opens it again for each node, but closes it only once, so that the next run
        in the same process would continue it.
        """
        while mlflow.active_run() and not self._run_is_theirs:
            mlflow.end_run()


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
