"""Files: written so that a reader never sees half of one, and told apart by content."""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fgstp.core.errors import FootageError, UserError

TEMPORARY_PREFIX = ".tmp-"


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` that takes its place when the block ends well.

    The temporary name keeps the suffix, because writers of pictures and videos choose
    their format by it. Missing parent folders are made. The content is on the disk before the
    file takes its name. When the block raises, the temporary file is removed and `path` stays
    as it was.

    Args:
        path: the file to write.

    Yields:
        The path to write to.

    Raises:
        UserError: the folder cannot be written or the disk is full.
    """
    # One name a target: what a killed run left is overwritten by the next.
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{path.name}")
    try:
        with told_if_unwritable(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            with temporary.open("rb") as stream:
                os.fsync(stream.fileno())
            temporary.replace(path)
    finally:
        _remove_if_there(temporary)


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
        raise FootageError(f"{path.name} is no file but a pipe, a socket or a device; remove it")
    if status.st_size == 0:
        raise FootageError(f"{path.name} is empty; copy it again or remove it")
    if not os.access(path, os.R_OK):
        raise FootageError(f"{path.name} may not be read; allow it by `chmod +r`")


@contextmanager
def told_if_unwritable(path: Path) -> Iterator[None]:
    """Say of an `OSError` in the block that it is about writing a file, and how to mend it.

    Args:
        path: the file that is written.

    Raises:
        UserError: the folder cannot be written or the disk is full.
    """
    try:
        yield
    except OSError as error:
        raise UserError(
            f"Cannot write {path}: {error.strerror or error}; "
            "free some space or choose a folder that can be written."
        ) from error


def remove_others(folder: Path, suffixes: Iterable[str], kept: Iterable[str]) -> None:
    """Remove the files `<name><suffix>` of a folder, except those of some names.

    Args:
        folder: the folder, which need not exist.
        suffixes: suffixes that count, such as `.maps.npy`; all other files stay.
        kept: names whose files stay.

    Raises:
        UserError: the folder cannot be written.
    """
    names = set(kept)
    for suffix in suffixes:
        for path in folder.glob(f"*{suffix}"):
            if path.name.removesuffix(suffix) not in names:
                remove_file(path)


def make_folder(folder: Path) -> None:
    """Make a folder with its parents.

    Raises:
        UserError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"Cannot make the folder {folder}: {error.strerror}; choose one that can be written."
        ) from error


def remove_file(path: Path) -> None:
    """Remove a file if it is there.

    Args:
        path: the file.

    Raises:
        UserError: the folder cannot be written.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(
            f"Cannot remove {path}: {error.strerror or error}; choose a folder that can be written."
        ) from error


def _remove_if_there(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        # The folder itself is out of reach; the error that brought us here says so.
        return


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file whole or not at all.

    Args:
        path: the file to write.
        text: its content.

    Raises:
        UserError: the folder cannot be written or the disk is full.
    """
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def code_digest(places: Iterable[Path]) -> str:
    """SHA-256 of Python code: where it changed, what it made may be outdated.

    Args:
        places: files, and folders whose Python files count, at any depth.

    Returns:
        Hexadecimal digits.
    """
    total = hashlib.sha256()
    for place in places:
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            total.update(path.read_bytes())
    return total.hexdigest()
