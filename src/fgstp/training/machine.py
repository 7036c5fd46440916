"""The machine that trains: its devices, its processes and their random generators."""

import logging
import os
import random
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple, TypeVar

import cv2
import numpy as np
import torch
from torch import Tensor, distributed

from fgstp.core.errors import UserError
from fgstp.training.settings import Precision

T = TypeVar("T")
MAX_WORKERS = 8
# Lightning logs through the second pair where another package, such as MLflow, imported it.
LIGHTNING_LOGGERS = (
    "lightning.pytorch",
    "pytorch_lightning",
    "lightning.fabric",
    "lightning_fabric",
)
# A warning of torch in distributed training: gradients are copied once more, which is harmless.
STRIDES = "Grad strides do not match bucket view strides"

logger = logging.getLogger(__name__)

# ---------------------------------------------------------------------------- devices


def check_devices(wanted: int, *, cuda: bool) -> None:
    """Check that there are enough devices; the CPU takes any number of processes.

    Raises:
        UserError: there are fewer GPUs.
    """
    if cuda and wanted > (found := torch.cuda.device_count()):
        raise UserError(
            f"train.devices is {wanted}, but torch finds {found} CUDA device"
            f"{'s' if found > 1 else ''} here; lower it, or set train.accelerator to cpu."
        )


def n_workers(wanted: int | None, devices: int, *, cuda: bool) -> int:
    """Number of processes that load samples for each device."""
    if wanted is not None:
        return wanted
    processors = os.cpu_count() or 1
    return max(1, min(MAX_WORKERS, processors // devices)) if cuda else 0


def lightning_precision(precision: Precision, *, cuda: bool) -> Literal["bf16-mixed", "32-true"]:
    """Precision as Lightning names it.

    Raises:
        UserError: `bf16` on a GPU that does not support it.
    """
    # torch counts chips that emulate bfloat16, slowly, unless asked not to.
    supported = not cuda or torch.cuda.is_bf16_supported(including_emulation=False)
    if precision == "bf16" and not supported:
        raise UserError(
            "train.precision is bf16, which this GPU does not support; set it to auto or 32."
        )
    if precision == "auto" and not supported:
        logger.info("This GPU does not support bf16; training uses 32 bits.")
    half = precision == "bf16" or (precision == "auto" and cuda and supported)
    return "bf16-mixed" if half else "32-true"


@contextmanager
def one_opencv_thread() -> Iterator[None]:
    """Let OpenCV work without threads, so that processes can be forked.

    A forked process has none of the threads of OpenCV's pool but waits for them, so the pool
    has to be given up before the fork.
    """
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Suppress what Lightning logs about the machine and about deliberate settings."""
    loggers = [logging.getLogger(name) for name in LIGHTNING_LOGGERS]
    levels = [its_logger.level for its_logger in loggers]
    for its_logger in loggers:
        its_logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="lightning.*")
            warnings.filterwarnings("ignore", message=STRIDES)
            yield
    finally:
        for its_logger, level in zip(loggers, levels, strict=True):
            its_logger.setLevel(level)


# ---------------------------------------------------------------------------- processes


class Rank(NamedTuple):
    """One of the processes that train together; by default the only one.

    Attributes:
        number: its rank, from 0; rank 0 writes all files.
        of: number of processes on all machines.
    """

    number: int = 0
    of: int = 1

    @classmethod
    def from_environment(cls) -> "Rank | None":
        """The rank that a launcher gave this process; None if no launcher started it."""
        if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
            return None
        return cls(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))


def local_rank() -> int:
    """Rank of this process among those of this machine; 0 if its launcher starts one each."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def local_world_size() -> int:
    """Processes on this machine; 1 if its launcher starts one each."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


@contextmanager
def joined(*, cuda: bool) -> Iterator[None]:
    """Let the processes that a launcher started communicate with each other."""
    if cuda:
        torch.cuda.set_device(local_rank())
    distributed.init_process_group("nccl" if cuda else "gloo")
    yield
    # Not after an error: the others would fail too, before the launcher knows of the first.
    distributed.destroy_process_group()


def gathered(value: T) -> list[T]:
    """The values of all processes, by rank. All of them must call it at the same point.

    Args:
        value: the value of this process; anything that can be pickled.
    """
    if not _several():
        return [value]
    values: list[T | None] = [None] * distributed.get_world_size()
    distributed.all_gather_object(values, value)
    return values  # type: ignore[return-value] # all are filled now


def by_first(make: Callable[[], T]) -> T:
    """A value that rank 0 alone makes, in all processes; all of them must call it.

    Raises:
        UserError: rank 0 raised it.
    """
    if not _several():
        return make()
    result: list[T | UserError | None] = [None]
    if distributed.get_rank() == 0:
        try:
            result = [make()]
        except UserError as error:
            result = [error]
    distributed.broadcast_object_list(result)
    if isinstance(result[0], UserError):
        raise result[0]
    return result[0]  # type: ignore[return-value] # rank 0 filled it


def take_from_first(tensors: Iterable[Tensor]) -> None:
    """Overwrite tensors by those of rank 0; all processes must call it."""
    if _several():
        for tensor in tensors:
            distributed.broadcast(tensor, src=0)


def _several() -> bool:
    return distributed.is_available() and distributed.is_initialized()


# ---------------------------------------------------------------------------- random generators


def seed_everything(seed: int, rank: int = 0) -> None:
    """Seed the generators of Python, NumPy and torch, on all devices.

    Args:
        seed: the seed.
        rank: rank of the process; each has its own sequence.
    """
    if rank:
        seed = int(np.random.SeedSequence((seed, rank)).generate_state(1)[0])
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def random_state() -> dict[str, Any]:
    """State of these generators as plain values and tensors, which can be loaded safely.

    Of the GPUs only the current one: asking the others would allocate memory there.
    """
    name, keys, *rest = np.random.get_state(legacy=True)
    return {
        "python": random.getstate(),
        "numpy": (name, np.asarray(keys).tolist(), *rest),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state() if torch.cuda.is_available() else None,
    }


def set_random_state(state: dict[str, Any]) -> None:
    """Restore what `random_state` returned; that of a GPU only where there is one."""
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])
    torch.set_rng_state(state["torch"])
    if torch.cuda.is_available() and state["cuda"] is not None:
        torch.cuda.set_rng_state(state["cuda"])
