"""What the pipelines log to the run of MLflow, if there is one."""

from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from numbers import Real
from typing import Any

from matplotlib.figure import Figure

from fgstp.pipelines.tracked_run import TrackedRun

# Set by the hooks in the thread of each node: Kedro hands nodes nothing but data.
CURRENT: ContextVar[TrackedRun | None] = ContextVar("tracked_run", default=None)


def flat_numbers(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Yield dotted names and numbers of nested values; other values are skipped."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from flat_numbers(value, f"{prefix}{key}.")
        elif not isinstance(value, bool) and isinstance(value, Real):
            yield f"{prefix}{key}", float(value)


def log_numbers(values: Mapping[str, Any]) -> None:
    """Log nested numbers as metrics of the run."""
    if run := CURRENT.get():
        run.log_metrics(dict(flat_numbers(values)))


def log_texts(texts: Mapping[str, str]) -> None:
    """Log texts as files of the run, by file name."""
    if run := CURRENT.get():
        for name, text in texts.items():
            run.log_file(name, text.encode())


def log_figures(figures: Mapping[str, Figure]) -> None:
    """Log figures as files of the run, by file name."""
    if run := CURRENT.get():
        for name, figure in figures.items():
            run.log_figure(figure, name)
