"""Files and arrays that are written whole or not at all, and digests of code."""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedWriter, BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray
from xxhash import xxh3_128

from fgstp.core.errors import FootageError, UserError
from fgstp.core.temporaries import is_in_use, temporary_name

Piece = tuple[int, str]  # bytes of a part of a file, and their XXH3
FREE_SPACE = "free some space or choose a folder that can be written"


@contextmanager
def user_error_if_denied(action: str, remedy: str = FREE_SPACE) -> Iterator[None]:
    """Turn an `OSError` of the block into a `UserError`: "Cannot <action>: ...; <remedy>."."""
    try:
        yield
    except OSError as error:
        raise UserError(f"Cannot {action}: {error.strerror or error}; {remedy}.") from error


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path that replaces `path` when the block ends without an error.

    The temporary file has the same folder and suffix, because writers of pictures and videos
    choose their format by it. Missing parent folders are made. The content is on the disk before
    the file is renamed. When the block raises, the temporary file is removed and `path` stays as
    it was.

    Raises:
        UserError: the folder cannot be written, the disk is full, or the block cannot use another
            file.
    """
    temporary = path.with_name(temporary_name(path.name))
    try:
        with user_error_if_denied(f"write {path}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            with _told_of_others(temporary):
                yield temporary
            with temporary.open("rb") as stream:
                os.fsync(stream.fileno())
            temporary.replace(path)
    finally:
        # Where the folder itself is out of reach, the error that brought us here says so.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def _told_of_others(own: Path) -> Iterator[None]:
    """Name the file, where the block fails at another than its own, such as one that it reads."""
    try:
        yield
    except OSError as error:
        if error.filename is None or str(error.filename) == str(own):
            raise
        raise UserError(
            f"Cannot use {error.filename}: {error.strerror}; see that it is there and may be read."
        ) from error


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file through `atomic_path`."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def check_can_be_written(path: Path) -> None:
    """Raise a `UserError` if a file cannot be written, before the work that ends in it."""
    with user_error_if_denied(f"write {path}"):
        if path.is_dir():
            raise OSError("it is a folder")
        folder = next(each for each in path.absolute().parents if each.exists())
        if not (folder.is_dir() and os.access(folder, os.W_OK)):
            raise OSError(f"nothing can be written into {folder}")


class GrowingArray:
    """An array on disk that grows along its first axis; see `growing_array`."""

    def __init__(self, path: Path, stream: BufferedWriter) -> None:
        self._path, self._stream = path, stream
        self._like: NDArray[Any] | None = None
        self._length = 0
        self._header = b""
        self._n_bytes, self._hash = 0, xxh3_128()

    def append(self, array: NDArray[Any]) -> None:
        """Append values, (N, ...); the dtype and all but the first axis are those of the first."""
        if self._like is None:
            self._like = array[:0]
            self.write_header()
        data = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
        with user_error_if_denied(f"write {self._path}"):
            self._stream.write(data)
        self._length += len(array)
        self._n_bytes += len(data)
        self._hash.update(data)

    def write_header(self) -> None:
        """Write the header for the present length; all lengths take the same space."""
        if self._like is not None:
            shape = (self._length, *self._like.shape[1:])
            described = npy.dtype_to_descr(self._like.dtype)
            header = BytesIO()
            npy.write_array_header_1_0(
                header, {"descr": described, "fortran_order": False, "shape": shape}
            )
            self._header = header.getvalue()
            self._stream.seek(0)
            self._stream.write(self._header)

    def pieces(self) -> list[Piece]:
        """Hashes of the header, which is written last, and of the values."""
        header = (len(self._header), xxh3_128(self._header).hexdigest())
        return [header, (self._n_bytes, self._hash.hexdigest())]


def check_regular_file(path: Path) -> None:
    """See that a file can be read, before a reader waits for a pipe or reports something else.

    Raises:
        FootageError: it is a broken link, a pipe, a folder, empty, or may not be read.
    """
    try:
        status = path.stat()
    except OSError as error:
        what = "is a link to nothing" if path.is_symlink() else "cannot be read"
        raise FootageError(
            f"{path.name} {what} ({error.strerror}); bring the file here, for instance by "
            "`dvc pull` or `git annex get`, or remove it"
        ) from error
    if not stat.S_ISREG(status.st_mode):
        raise FootageError(
            f"{path.name} is no file but a folder, a pipe, a socket or a device; remove it"
        )
    if status.st_size == 0:
        raise FootageError(f"{path.name} is empty; copy it again or remove it")
    if not os.access(path, os.R_OK):
        raise FootageError(f"{path.name} may not be read; allow it by `chmod +r`")


def is_folder(path: Path) -> bool:
    """Whether a path is a folder that can be reached."""
    try:
        return path.is_dir()
    except OSError:
        return False


@contextmanager
def growing_array(path: Path) -> Iterator[GrowingArray]:
    """Write a .npy file piece by piece through `atomic_path`, in constant memory."""
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        array = GrowingArray(path, stream)
        yield array
        array.write_header()


def mapped_array(path: Path, what: str, remedy: str) -> NDArray[Any]:
    """Open a .npy file, memory-mapped and read-only.

    Args:
        path: the file.
        what: what it holds, for the error, such as `The video a`.
        remedy: how to make it again, for the error.

    Raises:
        UserError: it cannot be read.
    """
    try:
        return np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{what} cannot be read from {path}; {remedy}") from error


def make_folder(folder: Path) -> None:
    """Make a folder with its parents; a `UserError` if it cannot be made."""
    with user_error_if_denied(f"make the folder {folder}", "choose one that can be written"):
        folder.mkdir(parents=True, exist_ok=True)


def remove_file(path: Path) -> None:
    """Remove a file if it is there; a `UserError` if the folder cannot be written."""
    with user_error_if_denied(f"remove {path}", "choose a folder that can be written"):
        path.unlink(missing_ok=True)


def remove_others(folder: Path, suffixes: Iterable[str], kept: Iterable[str]) -> None:
    """Remove the files `<name><suffix>` of a folder, except those of some names.

    Args:
        folder: the folder, which need not exist.
        suffixes: suffixes of the files to remove, such as `.maps.npy`; all other files stay.
        kept: names whose files stay.

    Raises:
        UserError: the folder cannot be written.
    """
    names = set(kept)
    for suffix in suffixes:
        for path in folder.glob(f"*{suffix}"):
            if path.name.removesuffix(suffix) not in names and not is_in_use(path):
                remove_file(path)


def code_digest(places: Iterable[Path]) -> str:
    """Compute the SHA-256 of Python code, of which stored results may depend.

    Args:
        places: files, and folders of which all Python files count, at any depth.

    Returns:
        Hexadecimal digits.
    """
    total = hashlib.sha256()
    for place in places:
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            total.update(path.read_bytes())
    return total.hexdigest()
