"""Temporary files: their names tell who writes them, and those of dead processes are removed."""

import os
import re
import shutil
import socket
import zlib
from contextlib import suppress
from pathlib import Path

from fgstp.core.process import start_of

TEMPORARY_PREFIX = ".tmp-"
OWNER = re.compile(r"\.tmp-(\d+)\.([0-9a-f]{8})-")
LONGEST_BYTES = 220  # of what follows; file systems take 255


def temporary_name(name: str) -> str:
    """Name of a temporary file of this process, with the end of `name`, such as its suffix."""
    end = os.fsdecode(os.fsencode(name)[-LONGEST_BYTES:])
    return f"{TEMPORARY_PREFIX}{os.getpid()}.{_machine()}-{end}"


def is_in_use(path: Path) -> bool:
    """Whether a process that may still run writes a temporary file; of other machines, always."""
    owner = OWNER.match(path.name)
    if owner is None:
        return False
    if owner[2] != _machine():
        return True
    return start_of(int(owner[1])) is not None


def sweep(folder: Path, *, at_any_depth: bool = True) -> None:
    """Remove what killed processes left in a folder, which need not exist."""
    depths = "**/" if at_any_depth else ""
    for path in list(folder.glob(f"{depths}{TEMPORARY_PREFIX}*")):
        if not is_in_use(path):
            remove_temporary(path)


def remove_temporary(path: Path) -> None:
    """Remove a temporary file or folder, as far as that is possible."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _machine() -> str:
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"
