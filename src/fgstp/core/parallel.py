"""Work spread over processes, or over machines."""

import signal
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from typing import Any, Literal

from joblib import Parallel
from pydantic import field_validator, model_validator
from tqdm import tqdm

from fgstp.core.config import Settings
from fgstp.core.errors import UserError

PACKAGES = {"ray": "ray", "dask": "distributed"}


class ParallelSettings(Settings):
    """How videos are worked on at the same time.

    `ray` and `dask` work on the cluster that this process has joined, or that `RAY_ADDRESS` or
    `DASK_SCHEDULER_ADDRESS` names, or that runs already on this machine (Ray only). Without one
    they start one here, and stop it after the work.

    Attributes:
        backend: `loky` for the processors of this machine, `ray` or `dask` for a cluster,
            `sequential` for one after the other in this process.
        jobs: videos at a time; -1 takes all processors. Ray takes at most as many as the cluster
            has processors; a Dask cluster that runs already takes one a thread of its workers.
    """

    backend: Literal["loky", "sequential", "ray", "dask"] = "loky"
    jobs: int = -1

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
    work: Iterable[Any], settings: ParallelSettings, bar: "tqdm[Any] | None" = None
) -> list[Any]:
    """Do work at the same time.

    Args:
        work: calls that joblib has delayed; functions, arguments and results can be pickled.
        settings: back-end, and how much at a time.
        bar: shows how many calls are done. This process counts them, so that the bar is right
            wherever the workers are.

    Returns:
        The results, in the order of the work.

    Raises:
        UserError: the cluster cannot be joined.
    """
    shown = tqdm(disable=True) if bar is None else bar
    jobs = settings.jobs
    with ExitStack() as until_done:
        if settings.backend == "dask":
            return _with_dask(work, _join_dask(jobs, until_done), shown)
        if settings.backend == "ray":
            jobs = _join_ray(jobs, until_done)
        parallel = Parallel(n_jobs=jobs, backend=settings.backend)
        # joblib calls this after each batch, and Ray's back-end gives results only all at once.
        parallel.print_progress = lambda: shown.update(parallel.n_completed_tasks - shown.n)
        return list(parallel(work))


@contextmanager
def _joining(address: str) -> Iterator[None]:
    """Tell what hinders from joining the cluster that a variable of the environment names."""
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
    """Join Ray's cluster and tell joblib of it; gives how many jobs it can take at a time."""
    import ray  # noqa: PLC0415 - optional
    from ray.util.joblib import register_ray  # noqa: PLC0415

    register_ray()
    if not ray.is_initialized():
        on_stop = signal.getsignal(signal.SIGTERM)
        until_done.callback(ray.shutdown)
        ray.init()
        if signal.getsignal(signal.SIGTERM) is not on_stop:  # Ray's would hide that we are stopped
            signal.signal(signal.SIGTERM, on_stop)
    return min(jobs, int(ray.cluster_resources()["CPU"]))  # Ray refuses more


@_joining("DASK_SCHEDULER_ADDRESS")
def _join_dask(jobs: int, until_done: ExitStack) -> Any:  # noqa: ANN401 - distributed is optional
    """The client of Dask's cluster."""
    import dask  # noqa: PLC0415 - optional
    from distributed import Client, LocalCluster  # noqa: PLC0415

    try:
        return Client.current()
    except ValueError:  # this process has none
        cluster = dask.config.get("scheduler-address", None) or until_done.enter_context(
            LocalCluster(n_workers=jobs if jobs > 0 else None, threads_per_worker=1)
        )
        return until_done.enter_context(Client(cluster))


def _with_dask(work: Iterable[Any], client: Any, bar: "tqdm[Any]") -> list[Any]:  # noqa: ANN401
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
