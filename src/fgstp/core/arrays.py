"""Arrays that are written to the disk piece by piece."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedWriter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from fgstp.core.errors import UserError
from fgstp.core.files import atomic_path, told_if_unwritable


class GrowingArray:
    """An array on disk that grows along its first axis; see `growing_array`."""

    def __init__(self, path: Path, stream: BufferedWriter) -> None:
        self._path, self._stream = path, stream
        self._like: NDArray[Any] | None = None
        self._length = 0

    def append(self, array: NDArray[Any]) -> None:
        """Append along the first axis.

        Args:
            array: (N, ...); later ones have the dtype and the other axes of the first.
        """
        if self._like is None:
            self._like = array[:0]
            self.write_header()
        with told_if_unwritable(self._path):
            self._stream.write(np.ascontiguousarray(array).view(np.uint8).data)
        self._length += len(array)

    def write_header(self) -> None:
        """Write the header for the present length, which takes the same space for any."""
        if self._like is not None:
            shape = (self._length, *self._like.shape[1:])
            described = npy.dtype_to_descr(self._like.dtype)
            header = {"descr": described, "fortran_order": False, "shape": shape}
            self._stream.seek(0)
            npy.write_array_header_1_0(self._stream, header)


@contextmanager
def growing_array(path: Path) -> Iterator[GrowingArray]:
    """Write a .npy file piece by piece, whole or not at all, in constant memory.

    Args:
        path: the file, which appears when the block ends well.

    Raises:
        UserError: the folder cannot be written or the disk is full.
    """
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        array = GrowingArray(path, stream)
        yield array
        array.write_header()


def mapped_array(path: Path, what: str, mend: str) -> NDArray[Any]:
    """A .npy file, memory-mapped and read-only.

    Args:
        path: the file.
        what: what it holds, for the error, such as `The video a`.
        mend: how to make it again, to follow a semicolon.

    Raises:
        UserError: it cannot be read.
    """
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{what} cannot be read from {path}; {mend}") from error
    return array
