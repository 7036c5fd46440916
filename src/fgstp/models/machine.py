"""The machine that networks work on: processor or GPU, and its memory."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

from fgstp.core.errors import UserError

logger = logging.getLogger(__name__)

Accelerator = Literal["auto", "cpu", "cuda"]
# Messages of torch about exhausted memory, in errors other than its own.
NO_MEMORY = (
    "can't allocate memory",
    "not enough memory",
    "Cannot allocate memory",
    "out of memory",
    "STATUS_ALLOC_FAILED",
)


def use_cuda(accelerator: Accelerator, block: str) -> bool:
    """Whether to work on a GPU; logs a warning if `auto` finds none.

    Args:
        accelerator: requested device.
        block: block of settings that requests it, for messages: `train` or `evaluate`.

    Raises:
        UserError: `cuda` is requested and no GPU is found.
    """
    if accelerator == "cpu" or torch.cuda.is_available():
        return accelerator != "cpu"
    if accelerator == "cuda":
        raise UserError(
            f"{block}.accelerator is cuda, but torch finds no CUDA device; set it to auto or cpu, "
            "or see with `nvidia-smi` why there is none."
        )
    logger.warning("No GPU is found: %s works on the CPU.", block)
    return False


@contextmanager
def explain_out_of_memory(advice: str) -> Iterator[None]:
    """Turn errors about exhausted memory into a `UserError`.

    Args:
        advice: how to need less, to follow a semicolon.

    Raises:
        UserError: memory ran out inside of the block.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise UserError(f"The memory of the GPU is used up; {advice}.") from error
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or any(words in str(error) for words in NO_MEMORY):
            raise UserError(f"The memory is used up; {advice}.") from error
        raise
