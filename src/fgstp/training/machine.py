"""The machine that is trained on: its devices, and what Lightning says of it."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import cv2
import torch

from fgstp.core.errors import UserError
from fgstp.training.settings import Precision

MAX_WORKERS = 8
# It speaks through the second where another package, such as MLflow, has imported that one.
LIGHTNING_LOGGERS = (
    "lightning.pytorch",
    "pytorch_lightning",
    "lightning.fabric",
    "lightning_fabric",
)
# Torch says it where several processes train; the gradients are copied once more, no harm.
STRIDES = "Grad strides do not match bucket view strides"


def check_devices(wanted: int, *, cuda: bool) -> None:
    """See whether there are as many devices as are wanted; a CPU takes any number of processes.

    Raises:
        UserError: there are fewer GPUs.
    """
    if cuda and wanted > (found := torch.cuda.device_count()):
        raise UserError(
            f"train.devices is {wanted}, but torch finds {found} CUDA device"
            f"{'s' if found > 1 else ''} here; lower it, or set train.accelerator to cpu."
        )


def n_workers(wanted: int | None, devices: int, *, cuda: bool) -> int:
    """Processes that prepare samples for each of some devices."""
    if wanted is not None:
        return wanted
    processors = os.cpu_count() or 1
    return max(1, min(MAX_WORKERS, processors // devices)) if cuda else 0


def lightning_precision(precision: Precision, *, cuda: bool) -> Literal["bf16-mixed", "32-true"]:
    """Precision in Lightning's words."""
    half = precision == "bf16" or (precision == "auto" and cuda)
    return "bf16-mixed" if half else "32-true"


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
            warnings.filterwarnings("ignore", message=STRIDES)
            yield
    finally:
        for its_logger, level in zip(loggers, levels, strict=True):
            its_logger.setLevel(level)
