"""What the pipelines log to the MLflow run, if there is one.

If the tracker fails, a warning is logged and the work goes on.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from numbers import Real
from typing import Any

import mlflow
from matplotlib.figure import Figure
from mlflow import MlflowClient
from mlflow.entities import Metric

BACK_OFF = 10  # after a failure, no logging for this many times the time that it took

logger = logging.getLogger(__name__)


class LiveRun:
    """Logs to an MLflow run, also from another process, since it can be pickled.

    Lightning's `MLFlowLogger` would close Kedro's run, and an error of the tracker would end the
    training.
    """

    def __init__(self, tracking_uri: str, run_id: str) -> None:
        self._tracking_uri = tracking_uri
        self._run_id = run_id
        self._silent_until = 0.0

    @classmethod
    def active(cls) -> "LiveRun | None":
        """The active run; None if there is none."""
        run = mlflow.active_run()
        return cls(mlflow.get_tracking_uri(), run.info.run_id) if run else None

    def log_metrics(self, numbers: Mapping[str, Any], step: int) -> None:
        """Log numbers of one step."""
        now_ms = int(1000 * time.time())
        metrics = [Metric(name, float(value), now_ms, step) for name, value in numbers.items()]
        self._send(lambda client: client.log_batch(self._run_id, metrics))

    def log_figure(self, figure: Figure, name: str) -> None:
        """Log a figure as a file of the run."""
        self._send(lambda client: client.log_figure(self._run_id, figure, name))

    def _send(self, log: Callable[[MlflowClient], object]) -> None:
        began = time.monotonic()
        if began >= self._silent_until and not _sent(lambda: log(MlflowClient(self._tracking_uri))):
            now = time.monotonic()
            self._silent_until = now + BACK_OFF * (now - began)


def flat_numbers(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Yield dotted names and numbers of nested values; other values are skipped."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from flat_numbers(value, f"{prefix}{key}.")
        elif not isinstance(value, bool) and isinstance(value, Real):
            yield f"{prefix}{key}", float(value)


def log_numbers(values: Mapping[str, Any]) -> None:
    """Log numbers as metrics of the run."""
    if mlflow.active_run():
        _sent(partial(mlflow.log_metrics, dict(flat_numbers(values))))


def log_texts(texts: Mapping[str, str]) -> None:
    """Log texts as files of the run, by file name."""
    if mlflow.active_run():
        for name, text in texts.items():
            _sent(partial(mlflow.log_text, text, name))


def _sent(log: Callable[[], object]) -> bool:
    """Call the tracker; returns whether it succeeded."""
    try:
        log()
    except Exception as error:
        logger.warning("MLflow cannot log; the work goes on: %s", error)
        return False
    return True
