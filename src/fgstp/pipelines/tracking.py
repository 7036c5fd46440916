"""The run of MLflow that a `kedro run` records, which never ends the work that it records.

What is logged waits until MLflow takes it. While MLflow is away, locked, full or damaged, the work
goes on after one warning, and MLflow is asked again from time to time. What it has not taken at
the end is named.
"""

import io
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from functools import partial
from numbers import Real
from typing import TYPE_CHECKING, Any, NamedTuple

from matplotlib.figure import Figure
from PIL import Image

from fgstp.pipelines.mlflow_client import connected, create_run, reason_of, shown_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient

BACK_OFF = 10  # after a failure, no attempt for this many times the time that it took,
PAUSE_S = 1.0  # and for this long at least
MOST_FILES = 100  # that wait, in memory
COUNTED = ("params", "tags")
BATCH = 100  # settings that MLflow takes at a time
MOST_CHARACTERS = 6000  # of a setting
# What MLflow will not take another time either.
REFUSED = {"INVALID_PARAMETER_VALUE", "BAD_REQUEST", "RESOURCE_DOES_NOT_EXIST", "INVALID_STATE"}

logger = logging.getLogger(__name__)


class _Entry(NamedTuple):
    """Something to log: what it is, for a warning, and the call of the client with the run."""

    kind: str
    names: tuple[str, ...]
    send: Callable[["MlflowClient", str], object]


class TrackedRun:
    """A run of MLflow, which is opened as soon as MLflow can be reached.

    It can be pickled: the copy logs to the same run from another process, if it is open by then.

    Args:
        uri: tracking URI.
        name: name of the run.
        run_id: a run that is open already, and stays open; None opens one.
    """

    def __init__(self, uri: str, name: str = "", run_id: str | None = None) -> None:
        self._uri, self._name, self._run_id = uri, name, run_id
        self._is_ours, self._is_copy = run_id is None, False
        self._began_ms = _now_ms()
        self._records: deque[_Entry] = deque()  # metrics, settings, tags
        self._files: deque[_Entry] = deque()
        self._lost: list[tuple[str, tuple[str, ...]]] = []
        self._reason = ""  # why MLflow failed last
        self._silent_until = 0.0

    def __getstate__(self) -> tuple[str, str, str | None]:
        return self._uri, self._name, self._run_id

    def __setstate__(self, state: tuple[str, str, str | None]) -> None:
        TrackedRun.__init__(self, *state)
        self._is_ours, self._is_copy = False, True

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags."""
        self._log("tags", tags)

    def log_params(self, values: Mapping[str, Any]) -> None:
        """Log settings by their dotted names."""
        texts = {name: str(value)[:MOST_CHARACTERS] for name, value in values.items()}
        self._log("params", texts)

    def log_metrics(self, numbers: Mapping[str, Any], step: int = 0) -> None:
        """Log numbers of one step."""
        values = {name: float(value) for name, value in numbers.items()}
        self._log("metrics", values, _now_ms(), step)

    def keep_metrics(self, numbers: Mapping[str, float], step: int) -> None:
        """Keep numbers until the next are logged; this alone may be called by another thread."""
        send = partial(_log_batch, "metrics", dict(numbers), (_now_ms(), step))
        self._records.append(_Entry("metrics", tuple(numbers), send))

    def log_call(self, kind: str, name: str, send: Callable[["MlflowClient", str], object]) -> None:
        """Log by a call of the client with the id of the run; a warning names kind and name."""
        self._files.append(_Entry(kind, (name,), send))
        self._flush()

    def log_text(self, text: str, name: str) -> None:
        """Log a text as a file; its name may hold folders."""
        self._log_file(name, lambda client, run_id: client.log_text(run_id, text, name))

    def log_figure(self, figure: Figure, name: str) -> None:
        """Log a figure as PNG."""
        content = io.BytesIO()
        figure.savefig(content, format="png")
        picture = Image.open(content)  # small, since it is not decoded yet
        self._log_file(name, lambda client, run_id: client.log_image(run_id, picture, name))

    def end(self, status: str) -> None:
        """Close the run as FINISHED, FAILED or KILLED, and name what MLflow has not taken."""
        if self._is_ours:

            def close(client: "MlflowClient", run_id: str) -> None:
                client.set_terminated(run_id, status)

            self._records.append(_Entry("status", (status,), close))
        self._settle()

    def leave(self) -> None:
        """In a copy, name what MLflow has not taken; the original is closed by its own process."""
        if self._is_copy:
            self._settle()

    def _settle(self) -> None:
        self._silent_until = 0.0
        self._flush()
        waiting = [entry[:2] for entry in (*self._records, *self._files)]
        if lost := [*self._lost, *waiting]:
            logger.warning("MLflow has lost of this run: %s (%s).", _named(lost), self._reason)
        self._records.clear()
        self._files.clear()

    def _log(self, kind: str, values: Mapping[str, Any], *when: int) -> None:
        names = list(values)
        for start in range(0, len(names), BATCH):
            part = {name: values[name] for name in names[start : start + BATCH]}
            self._records.append(_Entry(kind, tuple(part), partial(_log_batch, kind, part, when)))
        self._flush()

    def _log_file(self, name: str, send: Callable[["MlflowClient", str], object]) -> None:
        self._files.append(_Entry("files", (name,), send))
        if len(self._files) > MOST_FILES:
            self._lost.append(self._files.popleft()[:2])
        self._flush()

    def _flush(self) -> None:
        """Send what waits, unless MLflow has failed just now."""
        began = time.monotonic()
        if began < self._silent_until:
            return
        try:
            if self._is_copy and self._run_id is None:
                raise ConnectionError("the run was not open when this process began")
            with connected(self._uri, new=self._run_id is None) as client:
                if self._run_id is None:
                    self._run_id = create_run(client, self._name, self._began_ms)
                self._send(self._records, client, self._run_id)
                self._send(self._files, client, self._run_id)
        except Exception as error:  # whatever it is, the work is worth more than its record
            self._wait(error, time.monotonic() - began)

    def _send(self, waiting: deque[_Entry], client: "MlflowClient", run_id: str) -> None:
        while waiting:
            try:
                waiting[0].send(client, run_id)
            except Exception as error:
                if getattr(error, "error_code", None) not in REFUSED:
                    raise
                self._reason = reason_of(error)
                self._lost.append(waiting[0][:2])
            waiting.popleft()

    def _wait(self, error: Exception, took_s: float) -> None:
        """Leave what waits for a later attempt; the first time, warn."""
        self._silent_until = time.monotonic() + max(PAUSE_S, BACK_OFF * took_s)
        if not self._reason:
            logger.warning(
                "MLflow cannot record at %s (%s); the work goes on, and what is logged is kept "
                "until MLflow takes it. See to it, or correct or unset MLFLOW_TRACKING_URI.",
                shown_uri(self._uri),
                reason_of(error),
            )
        self._reason = reason_of(error)


def _named(entries: Iterable[tuple[str, tuple[str, ...]]]) -> str:
    """Name all metrics and files, and count settings and tags."""
    found: dict[str, dict[str, None]] = {}  # keys in order
    for kind, names in entries:
        found.setdefault(kind, {}).update(dict.fromkeys(names))
    return "; ".join(
        f"{len(names)} {kind}" if kind in COUNTED else f"{kind} {', '.join(names)}"
        for kind, names in found.items()
    )


def _log_batch(
    kind: str,
    values: Mapping[str, Any],
    when: tuple[int, ...],
    client: "MlflowClient",
    run_id: str,
) -> None:
    """Log metrics, params or tags; `when` is the time and the step of metrics."""
    from mlflow.entities import Metric, Param, RunTag  # noqa: PLC0415 - takes seconds

    make = {"metrics": Metric, "params": Param, "tags": RunTag}[kind]
    batch: dict[str, Any] = {kind: [make(name, value, *when) for name, value in values.items()]}
    client.log_batch(run_id, **batch)


def _now_ms() -> int:
    return int(1000 * time.time())


# Set by the hooks in the thread of each node: Kedro hands nodes nothing but data.
CURRENT: ContextVar[TrackedRun | None] = ContextVar("tracked_run", default=None)


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted name and value of each leaf of nested values."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def numbers_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers among nested values, by their dotted names."""
    return {
        name: value
        for name, value in flat(values)
        if not isinstance(value, bool) and isinstance(value, Real)
    }


def log_numbers(values: Mapping[str, Any]) -> None:
    """Log nested numbers as metrics of the run, if there is one; other values are skipped."""
    if run := CURRENT.get():
        run.log_metrics(numbers_of(values))


def log_texts(texts: Mapping[str, str]) -> None:
    """Log texts as files of the run, if there is one, by file name."""
    if run := CURRENT.get():
        for name, text in texts.items():
            run.log_text(text, name)


def log_figures(figures: Mapping[str, Figure]) -> None:
    """Log figures as files of the run, if there is one, by file name."""
    if run := CURRENT.get():
        for name, figure in figures.items():
            run.log_figure(figure, name)
