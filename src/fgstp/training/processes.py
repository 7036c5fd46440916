"""The processes that train together, and torch's elastic launcher to start them.

Lightning could start them too, but it would run the command of this process, such as `kedro
run`, once more for each. Here this process remains the only one of its kind, and waits.
"""

import logging
import os
import pickle
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from logging import Logger
from pathlib import Path
from typing import NamedTuple, TypeVar

import torch
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from torch import Tensor, distributed
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.elastic.rendezvous import RendezvousError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch
from tqdm import tqdm

from fgstp.core.errors import UserError
from fgstp.core.process import from_launcher
from fgstp.training.settings import TrainSettings

T = TypeVar("T")
NAME = "fgstp"
ERROR = "error-{}.txt"
GLOO = "gloo/transport"  # in errors of lost connections, which have no class of their own
LAUNCHER = ("torch.distributed.elastic", "torch.multiprocessing")
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


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
        """The rank that a launcher gave this process; None if no launcher started it.

        Raises:
            UserError: it is none of the ranks that there are.
        """
        if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
            return None
        rank = cls(from_launcher("RANK"), from_launcher("WORLD_SIZE", least=1))
        if rank.number >= rank.of:
            raise UserError(
                f"RANK is {rank.number}, but WORLD_SIZE is {rank.of}; ranks begin with 0."
            )
        return rank


class Launched(TorchElasticEnvironment):
    """Ranks as the environment variables say, whichever launcher set them.

    A launcher that starts one process a machine may leave out the local ones.
    """

    def local_rank(self) -> int:
        """Rank of this process among those of this machine."""
        return from_launcher("LOCAL_RANK")

    def local_world_size(self) -> int:
        """Processes on this machine."""
        return from_launcher("LOCAL_WORLD_SIZE", least=1)

    def node_rank(self) -> int:
        """Number of this machine."""
        return self.global_rank() // self.local_world_size()


@contextmanager
def joined(*, cuda: bool) -> Iterator[None]:
    """Let the processes that a launcher started communicate with each other.

    Raises:
        UserError: they do not meet.
    """
    if cuda:
        torch.cuda.set_device(Launched().local_rank())
    try:
        distributed.init_process_group("nccl" if cuda else "gloo")
    except (ValueError, RuntimeError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise UserError(
            f"The processes that a launcher started do not meet ({reason}); see that MASTER_ADDR "
            "and MASTER_PORT are name and free port of the first machine."
        ) from error
    yield
    # Not after an error: the others would fail too, before the launcher knows of the first.
    distributed.destroy_process_group()


@contextmanager
def others_expected() -> Iterator[None]:
    """Say that another process is lost, which no launcher of ours watches; where, torch says.

    Raises:
        UserError: one of the other processes has ended or cannot be reached.
    """
    try:
        yield
    except RuntimeError as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        if not (isinstance(error, distributed.DistError) or GLOO in reason):
            raise
        raise UserError(
            f"Another process of this training has ended, or cannot be reached ({reason}); see "
            "what it says, and start all of them again: the training goes on after the last epoch "
            "that it has finished."
        ) from error


def gathered(value: T) -> list[T]:
    """The values of all processes, by rank; all of them must call it at the same point."""
    if not _several():
        return [value]
    values: list[T | None] = [None] * distributed.get_world_size()
    distributed.all_gather_object(values, value)
    return values  # type: ignore[return-value] # all are filled now


def by_first(make: Callable[[], T]) -> T:
    """A value that rank 0 alone makes, or its `UserError`, in all processes; all must call it."""
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


def launch(work: Callable[[Rank], T], settings: TrainSettings) -> T:
    """Call a function with its rank in as many processes as the settings say.

    The function must be picklable. On several machines, each of them must call this.

    Returns:
        What the first process of this machine returned.

    Raises:
        UserError: one of the processes raised it, and the others are ended; or the machines do
            not meet.
        ChildFailedError: any other error, with the traceback of the process that raised it.
    """
    with (
        _signals_passed_on(),
        quiet(*LAUNCHER),
        _meeting(settings.rendezvous),
        tempfile.TemporaryDirectory() as folder,
    ):
        config = LaunchConfig(
            min_nodes=settings.nodes,
            max_nodes=settings.nodes,
            nproc_per_node=settings.devices,
            logs_specs=DefaultLogsSpecs(log_dir=folder),
            run_id=NAME,  # the same on all machines
            rdzv_backend="c10d",
            rdzv_endpoint=settings.rendezvous or "localhost:0",
            local_addr=None if settings.rendezvous else "localhost",
            max_restarts=0,
            signals_to_handle=",".join(each.name for each in SIGNALS),
        )
        n_threads = max(1, torch.get_num_threads() // settings.devices)
        try:
            # Pickled here: the launcher would let all processes share the memory of one network.
            results = elastic_launch(config, _take_part)(pickle.dumps(work), folder, n_threads)
        except ChildFailedError:
            if errors := sorted(Path(folder).glob(ERROR.format("*"))):
                raise UserError(errors[0].read_text("utf-8")) from None
            raise
    first: T = results[min(results)]
    return first


def _take_part(work: bytes, folder: str, n_threads: int) -> object:
    """Call the function as one of the processes; an error of the user is left in the folder."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C reaches all; the launcher handles it
    tqdm.set_lock(threading.RLock())  # tqdm's own would survive a process that is killed
    torch.set_num_threads(n_threads)
    rank = Rank.from_environment() or Rank()
    if rank.number == 0:
        logging.basicConfig(format="%(message)s")
        logging.getLogger(NAME).setLevel(logging.INFO)
    try:
        return pickle.loads(work)(rank)
    except UserError as error:
        Path(folder, ERROR.format(rank.number)).write_text(str(error), "utf-8")
        raise SystemExit(1) from None


@contextmanager
def _meeting(rendezvous: str | None) -> Iterator[None]:
    """Say that machines do not meet; of an unknown name at once, which torch tries for minutes."""
    try:
        if rendezvous is not None:
            socket.getaddrinfo(rendezvous.rpartition(":")[0], None)
        yield
    except (socket.gaierror, RendezvousError) as error:
        raise UserError(
            f"The machines do not meet at {rendezvous}; see that train.rendezvous is name and "
            "free port of the first machine, and that it runs this command too."
        ) from error


@contextmanager
def _signals_passed_on() -> Iterator[None]:
    """Let a signal that ended the launcher, and with it all processes, reach our handlers.

    The launcher replaces the signal handlers of this process and does not restore them.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    stopped_by = None
    try:
        yield
    except SignalException as error:
        stopped_by = error.sigval
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if stopped_by is not None:
        signal.raise_signal(stopped_by)
        raise SystemExit(128 + stopped_by)  # the handler returned


@contextmanager
def quiet(*names: str) -> Iterator[None]:
    """Silence the loggers of other packages, each with those below it."""
    below = tuple(f"{name}." for name in names)
    every = [each for each in logging.root.manager.loggerDict.values() if isinstance(each, Logger)]
    loggers = [each for each in every if f"{each.name}.".startswith(below) and not each.disabled]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        for logger in loggers:
            logger.disabled = False
