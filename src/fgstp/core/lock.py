"""Locks: one process writes a file or folder, or several read it.

A lock is a small file beside what it guards, and tells whose it is. It needs no `flock`, which many
network folders lack: a writer makes its file only if there is none, which holds there too. What a
killed process left is taken over.
"""

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, Self

from fgstp.core.errors import UserError
from fgstp.core.files import user_error_if_denied
from fgstp.core.process import start_of

POLL_S = 0.05
BLANK_S = 1.0  # a lock that has no content for so long is of a process that was killed


class Owner(NamedTuple):
    """The process that has a lock.

    Attributes:
        pid: its number.
        host: name of its machine.
        began: when it began, see `start_of`; another process may get its number later.
        since: when it took the lock, for people.
    """

    pid: int
    host: str
    began: str
    since: str

    @classmethod
    def of_this_process(cls) -> Self:
        """This process, now."""
        began = start_of(os.getpid()) or ""
        return cls(os.getpid(), socket.gethostname(), began, time.strftime("%Y-%m-%d %H:%M:%S"))

    def is_running(self) -> bool:
        """Whether it may still run; of other machines, always."""
        return self.host != socket.gethostname() or start_of(self.pid) in {self.began, ""}

    def is_this_process(self) -> bool:
        """Whether it is the process that asks."""
        return self[:3] == self.of_this_process()[:3]


@contextmanager
def locked(path: Path, *, shared: bool = False, wait_s: float = 0.0) -> Iterator[None]:
    """Let no other process write a file or folder during the block.

    Args:
        path: the file or folder, which need not exist.
        shared: to read it, so that others may read it too. On a disk that cannot be written, no
            writer is told of this reader.
        wait_s: how long to wait for other processes.

    Raises:
        UserError: another process writes it, or reads it while it shall be written; or the folder
            in which it lies cannot be written.
    """
    me, alone = Owner.of_this_process(), path.with_name(f".{path.name}.lock")
    own = alone.with_name(f"{alone.name}-{me.pid}.{me.began}.{me.host}") if shared else alone
    made = [] if shared else [folder for folder in path.parents if not folder.exists()]
    end = time.monotonic() + wait_s
    with user_error_if_denied(f"write {alone}"):
        while found := _read(own, alone, me) if shared else _write(alone, me):
            if time.monotonic() >= end:
                raise UserError(_sentence(path, *found))
            time.sleep(POLL_S)
    try:
        yield
    finally:
        with suppress(OSError):
            _release(own, me)
            for folder in made:  # unless something has come into it
                folder.rmdir()


def _write(alone: Path, me: Owner) -> tuple[Path, Owner] | None:
    """Make the lock of a writer, or return the lock that is in the way, and whose it is."""
    while not _make(alone, me):
        owner = _owner(alone)
        if owner and owner.is_running():
            return alone, owner
        if owner:
            with locked(alone, wait_s=BLANK_S):  # or a second process would remove our new one
                if _owner(alone) == owner:
                    alone.unlink()
    if readers := _other_readers(alone):
        _release(alone, me)
        return readers[0]
    return None


def _read(own: Path, alone: Path, me: Owner) -> tuple[Path, Owner] | None:
    """Make the lock of a reader, or return the lock that is in the way, and whose it is."""
    with suppress(OSError):
        own.write_text(json.dumps(me), "utf-8")
        _other_readers(alone)
    writer = _owner(alone)
    if writer and writer.is_running() and not writer.is_this_process():
        with suppress(OSError):
            _release(own, me)
        return alone, writer
    return None


def _other_readers(alone: Path) -> list[tuple[Path, Owner]]:
    """The locks of other readers, and whose they are; those of killed ones are removed."""
    found = []
    for lock in alone.parent.iterdir():
        if lock.name.startswith(f"{alone.name}-") and (owner := _owner(lock)):
            if not owner.is_running():
                lock.unlink(missing_ok=True)
            elif not owner.is_this_process():
                found.append((lock, owner))
    return found


def _make(file: Path, me: Owner) -> bool:
    """Write a lock; false if there is one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(json.dumps(me))
    except FileExistsError:
        return False
    return True


def _release(file: Path, me: Owner) -> None:
    """Remove a lock, unless it has gone to another process, or this is a fork of the owner."""
    if _owner(file) == me and os.getpid() == me.pid:
        file.unlink()


def _owner(file: Path) -> Owner | None:
    """Whose a lock is; None if there is none."""
    end = time.monotonic() + BLANK_S
    while True:
        try:
            pid, *texts = json.loads(file.read_text("utf-8"))
            return Owner(int(pid), *map(str, texts))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, TypeError):  # it is being written just now
            if time.monotonic() >= end:
                return Owner(0, socket.gethostname(), "", "")
        time.sleep(POLL_S)


def _sentence(path: Path, lock: Path, owner: Owner) -> str:
    does = "written" if lock.name.endswith(".lock") else "read"
    if owner.host == socket.gethostname():
        place, then = "", "or end it"
    else:
        place, then = f" on {owner.host}", f"or, if it is gone, remove {lock}"
    return (
        f"{path} is being {does} by process {owner.pid}{place} since {owner.since}; wait until it "
        f"has ended, {then}."
    )
