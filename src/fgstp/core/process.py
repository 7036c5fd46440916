"""Which processes of this machine still run, and what a launcher tells those that it started."""

import os
from contextlib import suppress
from pathlib import Path

from fgstp.core.errors import UserError

ENDED = {"Z", "X"}  # states of a process that has ended but is not yet collected


def start_of(pid: int) -> str | None:
    """When a process began, in ticks since the machine started; None if it has ended.

    A later process may get the same number, but not the same beginning. It is empty for a process
    of another user whose facts the system hides.
    """
    try:
        facts = Path("/proc", str(pid), "stat").read_text("utf-8", errors="replace")
    except OSError:
        return "" if _is_hidden(pid) else None
    state, *others = facts.rpartition(")")[2].split()
    return None if state in ENDED else others[18]


def _is_hidden(pid: int) -> bool:
    """Whether there is a process of another user."""
    with suppress(ProcessLookupError, OverflowError):
        try:
            os.kill(pid, 0)
        except PermissionError:
            return True
    return False


def from_launcher(name: str, *, least: int = 0) -> int:
    """What torchrun or another launcher set, such as `RANK`; without one, the least value.

    Raises:
        UserError: it is no whole number, or less than `least`.
    """
    text = os.environ.get(name, str(least))
    if not text.isdecimal() or int(text) < least:
        raise UserError(
            f"The environment variable {name} is {text!r}, but a launcher sets it to a whole "
            f"number of at least {least}; correct or unset it."
        )
    return int(text)
