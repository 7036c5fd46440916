"""Folders that are written whole or not at all."""

import errno
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fgstp.core.files import user_error_if_denied
from fgstp.core.temporaries import temporary_name

IN_THE_WAY = {errno.ENOTEMPTY, errno.EEXIST}


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder that replaces `folder` when the block ends without an error.

    Of several processes that write the same folder, each writes one of its own, and the last one
    to end is kept. What a killed process leaves is removed by `fgstp.core.temporaries.sweep`.

    Raises:
        UserError: the folder around it cannot be written.
    """
    with user_error_if_denied(f"write {folder}"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        prefix = f"{temporary_name(folder.name)}-"
        temporary = Path(tempfile.mkdtemp(prefix=prefix, dir=folder.parent))
    try:
        yield temporary
        with user_error_if_denied(f"write {folder}"):
            temporary.chmod(0o755)  # only the owner can read a folder from mkdtemp
            while not _renamed(temporary, folder):
                _remove(folder, temporary.with_name(f"{temporary.name}.old"))
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _renamed(temporary: Path, folder: Path) -> bool:
    """Rename it, unless another one with files is there."""
    try:
        temporary.rename(folder)
    except OSError as error:
        if error.errno not in IN_THE_WAY:
            raise
        return False
    return True


def _remove(folder: Path, away: Path) -> None:
    """Remove a folder at once for those who look, whose files go one after the other."""
    with suppress(FileNotFoundError):  # another process was faster
        folder.rename(away)
    shutil.rmtree(away, ignore_errors=True)
