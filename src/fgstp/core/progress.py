"""Progress of work that is spread over processes: one bar with a rate and the time left."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from tqdm import tqdm

from fgstp.core.errors import UserError

POLL_S = 0.25
PREFIX = ".progress-"


@dataclass
class Counter:
    """Counts the work of one worker in a file, which any process can read.

    Attributes:
        path: the file; each worker has its own.
        count: work done so far.
    """

    path: Path
    count: int = 0

    def __call__(self, amount: int) -> None:
        """Add to the work done."""
        self.count += amount
        # A bar that stands still does less harm than work that stops for its sake.
        with suppress(OSError):
            self.path.write_text(str(self.count), "ascii")


@contextmanager
def shared_bar(total: int, unit: str, title: str, folder: Path | None = None) -> Iterator[Path]:
    """Show one bar for the work of several processes.

    Args:
        total: amount of work in all, 0 if unknown.
        unit: what is counted, in the plural.
        title: what is being done.
        folder: where the counters are kept; workers on other machines must reach it.

    Yields:
        A folder that lives as long as the bar; every `Counter` in it is added up.

    Raises:
        UserError: the folder cannot be written or the disk is full.
    """
    with (
        _counters_folder(folder) as counters,
        tqdm(total=total or None, unit=f" {unit}", desc=title) as bar,
    ):
        stop = Event()
        watcher = Thread(target=_watch, args=(Path(counters), bar, stop), daemon=True)
        watcher.start()
        try:
            yield Path(counters)
        finally:
            stop.set()
            watcher.join()


def _counters_folder(folder: Path | None) -> "tempfile.TemporaryDirectory[str]":
    """A new folder; those that killed runs left in the same place are removed."""
    for left in folder.glob(f"{PREFIX}*") if folder else ():
        shutil.rmtree(left, ignore_errors=True)
    try:
        return tempfile.TemporaryDirectory(dir=folder, prefix=PREFIX)
    except OSError as error:
        raise UserError(
            f"Cannot write in {folder or tempfile.gettempdir()}: {error.strerror}; "
            "free some space or choose a folder that can be written."
        ) from error


def _watch(counters: Path, bar: "tqdm[None]", stop: Event) -> None:
    while not stop.wait(POLL_S):
        _show(counters, bar)
    _show(counters, bar)


def _show(counters: Path, bar: "tqdm[None]") -> None:
    with suppress(OSError):
        done = sum(_read(path) for path in counters.iterdir())
        # A counter caught while it is being written reads as 0: never go back.
        bar.update(max(0, done - bar.n))


def _read(path: Path) -> int:
    with suppress(OSError, ValueError):
        return int(path.read_text("ascii"))
    return 0
