"""Work spread over processes, or over machines, through joblib."""

from joblib import Parallel
from pydantic import model_validator

from fgstp.core.config import Settings
from fgstp.core.errors import UserError


class ParallelSettings(Settings):
    """How videos are worked on at the same time, through joblib.

    Attributes:
        backend: joblib back-end: `loky` on one machine, `ray` or `dask` on a cluster where
            they are installed, `sequential` for one after the other in this process.
        jobs: videos at a time; -1 takes all processors.
    """

    backend: str = "loky"
    jobs: int = -1

    @model_validator(mode="after")
    def _some_jobs(self) -> "ParallelSettings":
        if self.jobs == 0:
            raise ValueError("jobs must be -1 (all processors) or at least 1")
        return self


def workers(settings: ParallelSettings, block: str) -> Parallel:
    """What runs work at the same time.

    Args:
        settings: back-end, and how much at a time.
        block: name of the block of settings that they are from, for the error.

    Returns:
        A function of delayed calls that gives the list of their results, in order.

    Raises:
        UserError: joblib does not know the back-end.
    """
    try:
        return Parallel(n_jobs=settings.jobs, backend=settings.backend)
    except ValueError as error:
        raise UserError(
            f"{block}.parallel.backend is '{settings.backend}', which joblib does not know; "
            "take loky, or sequential, or register that back-end first."
        ) from error
