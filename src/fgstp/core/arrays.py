"""Arrays on disk that grow while they are written."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedWriter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from fgstp.core.files import atomic_path, told_if_unwritable


class GrowingArray:
    """A .npy file that grows along its first axis; see `growing_array`."""

    def __init__(self, path: Path, stream: BufferedWriter, like: NDArray[Any]) -> None:
        self._path, self._stream = path, stream
        self._shape, self._descr = like.shape[1:], npy.dtype_to_descr(like.dtype)
        self._length = 0
        self.write_header()

    def write_header(self) -> None:
        """Write the header of the present length; it takes the same space for every length."""
        shape = (self._length, *self._shape)
        self._stream.seek(0)
        npy.write_array_header_1_0(
            self._stream, {"descr": self._descr, "fortran_order": False, "shape": shape}
        )

    def append(self, array: NDArray[Any]) -> None:
        """Append along the first axis.

        Raises:
            UserError: the disk is full.
        """
        with told_if_unwritable(self._path):
            self._stream.write(np.ascontiguousarray(array).view(np.uint8).data)
        self._length += len(array)


@contextmanager
def growing_array(path: Path, like: NDArray[Any]) -> Iterator[GrowingArray]:
    """Write an array whose length is known at the end alone; it appears when the block ends well.

    Args:
        path: the .npy file.
        like: an array of its dtype and, except for the first axis, of its shape.

    Yields:
        What takes the array piece by piece.

    Raises:
        UserError: the folder cannot be written or the disk is full.
    """
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        array = GrowingArray(path, stream, like)
        yield array
        array.write_header()
