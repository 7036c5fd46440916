"""What libraries in C print past Python, kept from the terminal."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

STDERR = 2
MOST_BYTES = 2**16
ONE_AT_A_TIME = Lock()  # since standard error is that of the whole process


@contextmanager
def captured_stderr() -> Iterator[list[bytes]]:
    """Keep what is written to the standard error of the process in the block.

    libtiff, libjpeg and OpenCV tell there what is wrong with a picture, and only there.

    Yields:
        A list that holds what was written, once the block has ended.
    """
    said: list[bytes] = []
    with ONE_AT_A_TIME:
        sys.stderr.flush()
        kept, memory = os.dup(STDERR), os.memfd_create("stderr")
        try:
            os.dup2(memory, STDERR)
            yield said
        finally:
            os.dup2(kept, STDERR)
            said.append(os.pread(memory, MOST_BYTES, 0))
            os.close(kept)
            os.close(memory)
