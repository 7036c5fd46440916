"""Work spread over processes or machines, and one progress bar for all of it."""

import signal
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from threading import Event, Thread
from typing import Any, Literal

from joblib import Parallel
from pydantic import Field, field_validator, model_validator

from fgstp.core.config import Settings
from fgstp.core.errors import UserError
from fgstp.core.files import user_error_if_denied
from fgstp.core.progress import ProgressBar
from fgstp.core.temporaries import sweep, temporary_name

PACKAGES = {"ray": "ray", "dask": "distributed"}
POLL_S = 0.25


class ParallelSettings(Settings):
    """How many videos or clips are worked on at the same time, and where.

    `ray` and `dask` use the cluster that this process has joined, or that `RAY_ADDRESS` or
    `DASK_SCHEDULER_ADDRESS` names, or that already runs on this machine (Ray only). Otherwise
    they start one on this machine and stop it after the work.

    Attributes:
        backend: `loky` for the processors of this machine, `ray` or `dask` for a cluster,
            `sequential` for one after the other in this process.
        jobs: number of workers; -1 takes all processors. Ray takes at most as many as the cluster
            has processors; a running Dask cluster takes one per thread of its workers.
    """

    backend: Literal["loky", "sequential", "ray", "dask"] = "loky"
    jobs: int = Field(-1, ge=-1, le=1024)

    @field_validator("backend")
    @classmethod
    def _installed(cls, backend: str) -> str:
        if backend in PACKAGES:
            spec = find_spec(PACKAGES[backend])
            if spec is None or spec.origin is None:  # a mere folder of that name has no origin
                raise ValueError(
                    f'it is not installed; take loky or pip install "fgstp[{backend}]"'
                )
        return backend

    @model_validator(mode="after")
    def _some_jobs(self) -> "ParallelSettings":
        if self.jobs == 0:
            raise ValueError("jobs must be -1 (all processors) or at least 1")
        return self


def in_parallel(
    work: Iterable[Any], settings: ParallelSettings, bar: ProgressBar | None = None
) -> list[Any]:
    """Run calls in parallel and return their results in the order of the calls.

    Args:
        work: calls made by `joblib.delayed`; functions, arguments and results can be pickled.
        settings: back-end and number of workers.
        bar: counts the calls that are done, in this process, wherever the workers are.

    Raises:
        UserError: the cluster cannot be joined.
    """
    shown = ProgressBar(disable=True) if bar is None else bar
    jobs = settings.jobs
    with ExitStack() as until_done:
        if settings.backend == "dask":
            return _with_dask(work, _join_dask(jobs, until_done), shown)
        if settings.backend == "ray":
            return _with_ray(work, _join_ray(jobs, until_done), shown)
        parallel = Parallel(n_jobs=jobs, backend=settings.backend)
        # joblib calls this after each batch.
        parallel.print_progress = lambda: shown.update(parallel.n_completed_tasks - shown.n)
        return list(parallel(work))


@contextmanager
def _joining(address: str) -> Iterator[None]:
    """Explain why the cluster that an environment variable names cannot be joined."""
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise UserError(
            f"No cluster can be joined: {reason}; correct {address}, or unset it to stay on this "
            "machine."
        ) from error


@_joining("RAY_ADDRESS")
def _join_ray(jobs: int, until_done: ExitStack) -> int:
    """Join Ray's cluster; returns how many jobs it shall have at a time."""
    import ray  # noqa: PLC0415 - optional

    if not ray.is_initialized():
        on_stop = signal.getsignal(signal.SIGTERM)
        until_done.callback(ray.shutdown)
        ray.init()
        if signal.getsignal(signal.SIGTERM) is not on_stop:  # Ray's would hide that we are stopped
            signal.signal(signal.SIGTERM, on_stop)
    n_processors = int(ray.cluster_resources()["CPU"])
    return min(jobs, n_processors) if jobs > 0 else n_processors


def _with_ray(work: Iterable[Any], jobs: int, bar: ProgressBar) -> list[Any]:
    import ray  # noqa: PLC0415 - optional

    # joblib's back-end for Ray fails where a worker dies; a task is done again by another one.
    task = ray.remote(_call)
    calls, running, results = enumerate(work), dict[Any, int](), dict[int, Any]()

    def submit(n_calls: int) -> None:
        for place, call in islice(calls, n_calls):
            running[task.remote(*call)] = place

    submit(jobs)
    while running:
        [done], _ = ray.wait(list(running), num_returns=1)
        results[running.pop(done)] = ray.get(done)
        bar.update()
        submit(1)
    return [results[place] for place in range(len(results))]


def _call(function: Callable[..., Any], given: Iterable[Any], named: Mapping[str, Any]) -> Any:  # noqa: ANN401
    return function(*given, **named)


@_joining("DASK_SCHEDULER_ADDRESS")
def _join_dask(jobs: int, until_done: ExitStack) -> Any:  # noqa: ANN401 - distributed is optional
    """Return the client of Dask's cluster."""
    import dask  # noqa: PLC0415 - optional
    from distributed import Client, LocalCluster  # noqa: PLC0415

    try:
        return Client.current()
    except ValueError:  # this process has none
        cluster = dask.config.get("scheduler-address", None) or until_done.enter_context(
            LocalCluster(n_workers=jobs if jobs > 0 else None, threads_per_worker=1)
        )
        return until_done.enter_context(Client(cluster))


def _with_dask(work: Iterable[Any], client: Any, bar: ProgressBar) -> list[Any]:  # noqa: ANN401
    from distributed import as_completed  # noqa: PLC0415 - optional

    # joblib's own back-end for Dask waits for ever where a worker died or cannot import us.
    futures = [
        client.submit(function, *given, pure=False, **named) for function, given, named in work
    ]
    results = {}
    for future, result in as_completed(futures, with_results=True):
        results[future.key] = result
        bar.update()
    return [results[future.key] for future in futures]


@dataclass
class Counter:
    """Counts the work of one worker in a file, which any process can read.

    Attributes:
        path: the file; each worker has its own.
        count: work done so far.
    """

    path: Path
    count: int = 0

    def __call__(self, amount: int) -> None:
        """Add to the work done."""
        self.count += amount
        # A bar that stands still does less harm than work that stops for its sake.
        with suppress(OSError):
            self.path.write_text(str(self.count), "ascii")


@contextmanager
def shared_bar(total: int, unit: str, title: str, folder: Path) -> Iterator[Path]:
    """Show one progress bar for the work of several processes.

    Args:
        total: amount of work in all, 0 if unknown.
        unit: what is counted, in the plural.
        title: text before the bar.
        folder: where the counters are kept; workers on other machines must reach it.

    Yields:
        A folder that exists as long as the bar; the bar shows the sum of all `Counter` in it.

    Raises:
        UserError: the folder cannot be written or the disk is full.
    """
    sweep(folder)
    with user_error_if_denied(f"write in {folder}"):
        temporary = tempfile.TemporaryDirectory(dir=folder, prefix=temporary_name("progress-"))
    with (
        temporary as counters,
        ProgressBar(total=total or None, unit=f" {unit}", desc=title) as bar,
    ):
        stop = Event()
        watcher = Thread(target=_watch, args=(Path(counters), bar, stop), daemon=True)
        watcher.start()
        try:
            yield Path(counters)
        finally:
            stop.set()
            watcher.join()


def _watch(counters: Path, bar: ProgressBar, stop: Event) -> None:
    while not stop.wait(POLL_S):
        _show(counters, bar)
    _show(counters, bar)


def _show(counters: Path, bar: ProgressBar) -> None:
    with suppress(OSError):
        done = sum(_read(path) for path in counters.iterdir())
        # A counter caught while it is being written reads as 0: never go back.
        bar.update(max(0, done - bar.n))


def _read(path: Path) -> int:
    with suppress(OSError, ValueError):
        return int(path.read_text("ascii"))
    return 0
