"""Watching archives: any number of videos, each once, by any number of processes and machines."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from fgstp.core.errors import FootageError, UserError
from fgstp.core.fingerprint import is_current, read_stamp, write_stamp
from fgstp.core.folders import atomic_folder
from fgstp.core.progress import ProgressBar
from fgstp.core.temporaries import sweep
from fgstp.detection.detector import Detector
from fgstp.detection.manifest import Entry
from fgstp.detection.report import DetectionReport, Output
from fgstp.detection.watch_videos import watch_video
from fgstp.footage.frame_sources import frames_of

SOURCES = "sources"  # the folder of the results of all sources
RECORD = "watched"  # its stamp is written last, and tells what the files of a folder depend on

Facts = dict[str, Any]

logger = logging.getLogger(__name__)


class Outcome(NamedTuple):
    """What has become of a source.

    Attributes:
        is_done: whether it was watched, from the same footage in the same way as is asked for.
        error: why it could not be read, or not to its end.
    """

    is_done: bool
    error: str | None = None


@dataclass(frozen=True)
class Archive:
    """The sources of a manifest, and how they are watched.

    A source is finished if its folder bears the fingerprint of all that its files depend on: name,
    size and time of change of the footage; model, weights, settings, zones and version; every and
    fps_hz; and the kinds of files.

    Attributes:
        entries: the rows of the manifest.
        out: the folder of all results; each source has a folder below `sources`.
        detector_of: the detector for an entry; a `FootageError` if its zones or its calibration
            cannot be used.
        outputs: what takes results beside the files that are always written.
        kinds: what those write, such as `overlay.webm`.
        every: every n-th frame is watched.
        fps_hz: true frame rate, where it is not that which a file states.
    """

    entries: Sequence[Entry]
    out: Path
    detector_of: Callable[[Entry], Detector]
    outputs: Sequence[Output] = ()
    kinds: Sequence[str] = ()
    every: int = 1
    fps_hz: float | None = None

    def folder(self, entry: Entry) -> Path:
        """The folder of a source, which is there once it is done, or has failed."""
        return self.out / SOURCES / entry.name

    def facts(self, entry: Entry) -> Facts:
        """All that the files of a source depend on.

        Raises:
            FootageError: its zones or its calibration cannot be used.
        """
        try:
            footage: str | None = frames_of(entry.source).signature()
        except UserError:  # it cannot be read, which is told when it is watched
            footage = None
        return {
            "source": entry.text,
            "footage": footage,
            "every": self.every,
            "fps_hz": self.fps_hz,
            "kinds": list(self.kinds),
            **self.detector_of(entry).facts(),
        }

    def outcome(self, entry: Entry, facts: Facts) -> Outcome:
        """What has become of a source with these `facts`, whichever process has watched it."""
        record = self.folder(entry) / RECORD
        if is_current(record, facts):
            return Outcome(is_done=True)
        stamp = read_stamp(record)
        error = stamp.facts.get("error") if stamp else None
        has_failed = error is not None and is_current(record, facts | {"error": error})
        return Outcome(is_done=False, error=error if has_failed else None)


def watch_archive(
    archive: Archive, shard: slice = slice(None), *, shows_progress: bool = True
) -> Iterator[DetectionReport]:
    """Watch the sources of a shard that are not finished; one that cannot be read stops no other.

    The folder of a source appears as a whole at its end, so that a process may be killed at any
    time, and two that watch the same source do no harm. What could not be read is tried again.

    Args:
        archive: the sources.
        shard: which of its entries.
        shows_progress: whether there are progress bars.

    Yields:
        Reports of the sources that were watched, each when its end is reached.

    Raises:
        UserError: results cannot be written; or, at the end, some sources cannot be watched.
    """
    sweep(archive.out / SOURCES, at_any_depth=False)
    entries = archive.entries[shard]
    n_failed = 0
    with ProgressBar(
        total=len(entries), desc="archive", unit=" sources", disable=not shows_progress
    ) as bar:
        for entry in entries:
            try:
                facts = archive.facts(entry)
                if not archive.outcome(entry, facts).is_done:
                    yield _watch(archive, entry, facts, shows_progress=shows_progress)
            except FootageError as error:
                logger.error("%s: %s", entry.place, error)
                n_failed += 1
            bar.update()
    if n_failed:
        raise UserError(f"{n_failed} of {len(entries)} sources cannot be watched; see above.")


def _watch(
    archive: Archive, entry: Entry, facts: Facts, *, shows_progress: bool
) -> DetectionReport:
    """Watch a source, and write its folder, also if it cannot be read to its end."""
    detector = archive.detector_of(entry)
    report, faults = detector.new_report(entry.source), list[str]()
    failure: FootageError | None = None
    with atomic_folder(archive.folder(entry)) as folder:
        try:
            watch_video(
                detector, report, folder, archive.outputs,
                every=archive.every, fps_hz=archive.fps_hz, shows_progress=shows_progress,
                faults=faults,
            )  # fmt: skip
        except FootageError as error:
            failure = error
            facts = facts | {"error": str(error)}
        if faults:  # of the disk, which the next source would have too
            raise UserError(faults[0])
        files = sorted(path for path in folder.iterdir() if path.is_file())
        write_stamp(folder / RECORD, facts, files)
    if failure is not None:
        raise failure
    return report
