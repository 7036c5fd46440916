"""MLflow reached without its telemetry, its long retries and its noise."""

import logging
import os
import re
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from fgstp.core.lock import locked

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "fgstp"
# MLflow shows an experiment of this kind as one of model training, as far as the choice is not the
# browser's: 3.17 opens its view of GenAI until `Model training` is chosen there once.
KIND = ("mlflow.experimentKind", "custom_model_development")
ENVIRONMENT = {  # of MLflow, unless the user chose otherwise
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # Its own retries would hold a run for minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}
NOISY = ("mlflow", "alembic", "urllib3")  # loggers that print what a warning of ours says
LOCKED_S = 2.0  # how long a locked SQLite file is waited for
TABLES_S = 60.0  # how long another process may take to make the tables of a new one
REASON = 200  # characters of an error that are shown


@contextmanager
def connected(uri: str, *, new: bool) -> Iterator["MlflowClient"]:
    """Yield a client of MLflow, whose loggers are silent meanwhile.

    Args:
        uri: tracking URI.
        new: whether no run has been opened there yet, so that tables may have to be made.

    Raises:
        Exception: MLflow cannot be reached.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    with warnings.catch_warnings(action="ignore"):  # hints for authors of MLflow's own models
        from mlflow import MlflowClient  # noqa: PLC0415 - takes seconds, reads the environment

        with _silent(NOISY):  # now, since the import sets the levels of its loggers
            path = _sqlite_file(uri)
            with locked(path, wait_s=TABLES_S) if path and new else nullcontext():
                if path:
                    _check_writable(path)
                client = MlflowClient(uri)
            yield client


def create_run(client: "MlflowClient", name: str, began_ms: int) -> str:
    """Open a run in the experiment of this project, which is made if need be; returns its id."""
    from mlflow.tracking.context.registry import resolve_tags  # noqa: PLC0415 - takes seconds

    with suppress(Exception):  # another process may have made it, or make it just now
        client.create_experiment(EXPERIMENT)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        raise ConnectionError(f"the experiment {EXPERIMENT} cannot be made")
    if experiment.lifecycle_stage == "deleted":
        client.restore_experiment(experiment.experiment_id)
    client.set_experiment_tag(experiment.experiment_id, *KIND)
    run = client.create_run(experiment.experiment_id, began_ms, resolve_tags(), name or None)
    return str(run.info.run_id)


def default_uri(project: Path) -> str:
    """The address that MLFLOW_TRACKING_URI names, or else a file of the project."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{project / 'mlflow.db'}"


def reason_of(error: BaseException) -> str:
    """Message of an error in one short line: that of the system or of SQLite if one caused it."""
    inner = error
    while cause := inner.__cause__ or inner.__context__:
        inner = cause
        if isinstance(inner, (OSError, sqlite3.Error)):
            error = inner
    line = str(error).strip().partition("\n")[0] or type(error).__name__
    return line if len(line) <= REASON else f"{line[:REASON]}..."


def shown_uri(uri: str) -> str:
    """An address without the password that it may hold."""
    return re.sub(r"//[^/@]*@", "//", uri)


@contextmanager
def _silent(names: tuple[str, ...]) -> Iterator[None]:
    levels = {logging.getLogger(name): logging.getLogger(name).level for name in names}
    for logger in levels:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)


def _sqlite_file(uri: str) -> Path | None:
    found = re.fullmatch(r"sqlite(?:\+\w+)?:///([^?]+)(?:\?.*)?", uri)
    return Path(found[1]) if found else None


def _check_writable(path: Path) -> None:
    """Say at once what MLflow would try ten times: that a file is locked, damaged or read-only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, timeout=LOCKED_S)) as database:
        database.execute("BEGIN IMMEDIATE")
        database.rollback()
