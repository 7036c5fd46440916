"""The machine that trains: its devices and what they can do."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import cv2
import torch

from fgstp.core.errors import UserError
from fgstp.training.settings import Precision

MAX_WORKERS = 8
logger = logging.getLogger(__name__)


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
