"""Training in several processes that torch's own elastic launcher starts.

Lightning could start them too, but it would run the command of this process, such as `kedro
run`, once more for each. Here this process remains the only one of its kind, and waits.
"""

import logging
import pickle
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch
from tqdm import tqdm

from fgstp.core.errors import UserError
from fgstp.training.job import Job, Outcome
from fgstp.training.machine import Rank, joined, local_rank
from fgstp.training.settings import TrainSettings
from fgstp.training.stages import train_stages

NAME = "fgstp"
JOB, RESULT, ERROR = "job.pickle", "result.pickle", "error-{}.txt"
LAUNCHER_LOGGERS = ("torch.distributed.elastic", "torch.multiprocessing")
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


def run_in_processes(job: Job) -> Outcome:
    """Run a job in as many processes as its settings say.

    On several machines, each of them must call it.

    Args:
        job: the training.

    Returns:
        The result.

    Raises:
        UserError: one of the processes raised it; the others are ended.
        ChildFailedError: any other error, with the traceback of the process that raised it.
    """
    with _signals_passed_on(), tempfile.TemporaryDirectory(prefix="fgstp-") as folder:
        place = Path(folder)
        # A file: as an argument, all processes would share the memory of one network.
        (place / JOB).write_bytes(pickle.dumps(job))
        try:
            with _quiet_launcher():
                launch = elastic_launch(_launch_config(job.settings, place), _take_part)
                launch(place, torch.get_num_threads())
        except ChildFailedError:
            errors = sorted(place.glob(ERROR.format("*")))
            if errors:
                raise UserError(errors[0].read_text("utf-8")) from None
            raise
        outcome = pickle.loads((place / RESULT).read_bytes())
    assert isinstance(outcome, Outcome)
    return outcome


def _launch_config(settings: TrainSettings, place: Path) -> LaunchConfig:
    alone = settings.rendezvous is None
    return LaunchConfig(
        min_nodes=settings.nodes,
        max_nodes=settings.nodes,
        nproc_per_node=settings.devices,
        logs_specs=DefaultLogsSpecs(log_dir=str(place)),
        run_id=NAME,  # the same on all machines
        rdzv_backend="c10d",
        rdzv_endpoint=settings.rendezvous or "localhost:0",
        local_addr="localhost" if alone else None,
        max_restarts=0,
        signals_to_handle=",".join(each.name for each in SIGNALS),
    )


def _take_part(place: Path, n_threads: int) -> None:
    """Run the job as one of the processes.

    Args:
        place: folder of the job, of its result and of errors.
        n_threads: threads of all processes of this machine together.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C reaches all; the launcher handles it
    tqdm.set_lock(threading.RLock())  # tqdm's own would survive a process that is killed
    job = pickle.loads((place / JOB).read_bytes())
    torch.set_num_threads(max(1, n_threads // job.settings.devices))
    rank = Rank.from_environment() or Rank()
    if rank.number == 0:
        logging.basicConfig(format="%(message)s")
        logging.getLogger(NAME).setLevel(logging.INFO)
    try:
        with joined(cuda=job.cuda):
            outcome = train_stages(job, rank)
    except UserError as error:
        (place / ERROR.format(rank.number)).write_text(str(error), "utf-8")
        raise SystemExit(1) from None
    if local_rank() == 0:
        (place / RESULT).write_bytes(pickle.dumps(outcome))


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
def _quiet_launcher() -> Iterator[None]:
    """Suppress what the launcher logs: the traceback of each failure, which is raised anyway."""
    loggers = [logging.getLogger(name) for name in LAUNCHER_LOGGERS]
    before = [logger.propagate for logger in loggers]
    nothing = logging.NullHandler()  # child loggers have levels of their own
    for logger in loggers:
        logger.addHandler(nothing)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, propagate in zip(loggers, before, strict=True):
            logger.removeHandler(nothing)
            logger.propagate = propagate
