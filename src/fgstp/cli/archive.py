"""`fgstp detect --manifest`: the sources of an archive, watched or merged."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fgstp.cli.watching import Finder
from fgstp.core.errors import FootageError, UserError

if TYPE_CHECKING:
    from fgstp.detection.archive import Archive
    from fgstp.detection.detector import Detector
    from fgstp.detection.manifest import Entry
    from fgstp.detection.report import DetectionReport


def for_entries(
    detector: Finder, zones: Path | None, calibration: Path | None
) -> "Callable[[Entry], Detector]":
    """What finds the detector of an entry, whose own files come before those of all."""

    def find(entry: "Entry") -> "Detector":
        try:
            return detector(entry.zones or zones, entry.calibration or calibration)
        except UserError as error:
            raise FootageError(str(error)) from error

    return find


def watch(
    archive: "Archive",
    shard: slice,
    tell: "Callable[[Iterable[DetectionReport]], int]",
    *,
    quiet: bool,
) -> None:
    """Watch a shard; `tell` prints what is found."""
    from fgstp.detection.archive import watch_archive  # noqa: PLC0415 - as in `detect`

    n_watched = tell(watch_archive(archive, shard, shows_progress=not quiet))
    n_sources = len(archive.entries[shard])
    if not quiet:
        click.echo(
            f"Finished: {n_sources} sources, {n_sources - n_watched} of them before; once all "
            "shards are, --merge makes one page of them."
        )


def merge(archive: "Archive", *, quiet: bool) -> None:
    """Merge an archive, and say what it holds."""
    from fgstp.core.wording import length  # noqa: PLC0415 - as above
    from fgstp.detection.merge import merge_archive  # noqa: PLC0415 - as in `detect`
    from fgstp.detection.page import INDEX  # noqa: PLC0415 - as above

    found = merge_archive(archive, shows_progress=not quiet)
    if not quiet:
        click.echo(
            f"{found.n_sources} sources, {length(found.duration_s)} together: {found.n_events} "
            f"events; {found.n_failed} sources could not be read to their end."
        )
        click.echo(f"Results: {archive.out / INDEX}")
