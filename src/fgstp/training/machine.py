"""The machine that is trained on: processor or GPU, its memory, and what Lightning says of it."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import cv2
import torch

from fgstp.errors import UserError
from fgstp.training.settings import Accelerator, Precision

logger = logging.getLogger(__name__)

MAX_WORKERS = 8
# It speaks through the second where another package, such as MLflow, has imported that one.
LIGHTNING_LOGGERS = ("lightning.pytorch", "pytorch_lightning")
# How torch says that the memory of the machine, not of a GPU, is used up.
NO_MEMORY = ("can't allocate memory", "not enough memory", "Cannot allocate memory")


def use_cuda(accelerator: Accelerator) -> bool:
    """Whether to train on a GPU; where there is none to be found, says so.

    Raises:
        UserError: one is asked for and there is none.
    """
    if accelerator == "cpu":
        return False
    if torch.cuda.is_available():
        return True
    if accelerator == "cuda":
        raise UserError(
            "train.accelerator is cuda, but torch finds no CUDA device; set it to auto or cpu, "
            "or see with `nvidia-smi` why there is none."
        )
    logger.warning("No GPU is found: training on the CPU.")
    return False


def n_workers(wanted: int | None, *, cuda: bool) -> int:
    """Processes that prepare samples."""
    if wanted is not None:
        return wanted
    return min(MAX_WORKERS, os.cpu_count() or 1) if cuda else 0


def lightning_precision(precision: Precision, *, cuda: bool) -> Literal["bf16-mixed", "32-true"]:
    """Precision in Lightning's words."""
    half = precision == "bf16" or (precision == "auto" and cuda)
    return "bf16-mixed" if half else "32-true"


@contextmanager
def told_if_out_of_memory(advice: str) -> Iterator[None]:
    """Tell in a sentence that memory ran out.

    Args:
        advice: how to need less, to follow a semicolon.

    Raises:
        UserError: it did, inside of the block.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise UserError(f"The memory of the GPU is used up; {advice}.") from error
    except MemoryError as error:
        raise UserError(f"The memory is used up; {advice}.") from error
    except RuntimeError as error:
        if any(words in str(error) for words in NO_MEMORY):
            raise UserError(f"The memory is used up; {advice}.") from error
        raise


@contextmanager
def one_opencv_thread() -> Iterator[None]:
    """Let OpenCV work without threads, so that processes can be forked.

    A forked process has none of the threads of OpenCV's pool, but waits for them. The pool
    has to be given up before, not there.
    """
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Leave out what Lightning says about the machine and about settings that are meant."""
    loggers = [logging.getLogger(name) for name in LIGHTNING_LOGGERS]
    levels = [its_logger.level for its_logger in loggers]
    for its_logger in loggers:
        its_logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="lightning.*")
            yield
    finally:
        for its_logger, level in zip(loggers, levels, strict=True):
            its_logger.setLevel(level)
