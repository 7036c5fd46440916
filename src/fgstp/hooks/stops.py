"""Runs that are stopped by Ctrl-C or SIGTERM are recorded in MLflow as killed.

Kedro and kedro-mlflow know no such event: they would record Ctrl-C as finished, and leave the
run of a terminated process running forever.
"""

import atexit
import signal
import threading
from types import FrameType
from typing import Any

import mlflow
from kedro.framework.hooks import hook_impl

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopHooks:
    """Handles the signals while a pipeline runs."""

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
        self._restore()

    @hook_impl(tryfirst=True)
    def on_pipeline_error(self) -> None:
        """Restore the previous handlers."""
        self._restore()

    def _restore(self) -> None:
        for name, handler in self._handlers.items():
            signal.signal(name, handler)
        self._handlers = {}


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
