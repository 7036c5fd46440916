"""Work spread over processes, or over machines, through joblib."""

from joblib import Parallel

from fgstp.errors import UserError
from fgstp.footage.settings import ParallelSettings


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
