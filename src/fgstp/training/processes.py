"""The processes that train together, one a device: which of them this is, and what they share."""

import os
from collections.abc import Iterable
from typing import NamedTuple, TypeVar

from torch import Tensor, distributed

T = TypeVar("T")


class Rank(NamedTuple):
    """One of some processes; by default the only one.

    Attributes:
        number: which, from 0; the first one writes all files.
        of: how many there are, on all machines.
    """

    number: int = 0
    of: int = 1

    @classmethod
    def from_launcher(cls) -> "Rank":
        """Which one this process is, as torch's launcher told it."""
        return cls(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))


def gathered(value: T) -> list[T]:
    """What each of the processes has, by rank. All of them must call it at the same point.

    Args:
        value: what this one has; anything that can be pickled.
    """
    if not _several():
        return [value]
    values: list[T | None] = [None] * distributed.get_world_size()
    distributed.all_gather_object(values, value)
    return values  # type: ignore[return-value] # all are filled now


def take_from_first(tensors: Iterable[Tensor]) -> None:
    """Overwrite tensors by those of the first process; all of them must call it."""
    if _several():
        for tensor in tensors:
            distributed.broadcast(tensor, src=0)


def _several() -> bool:
    return distributed.is_available() and distributed.is_initialized()
