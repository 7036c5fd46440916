"""Merging an archive: one table of events, one of sources, one timeline and one page."""

import csv
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fgstp.core.errors import UserError
from fgstp.core.files import atomic_path
from fgstp.core.fingerprint import changed_facts, read_stamp
from fgstp.core.progress import ProgressBar
from fgstp.core.temporaries import TEMPORARY_PREFIX, remove_temporary
from fgstp.detection.archive import RECORD, SOURCES, Archive, Facts
from fgstp.detection.archive_page import write_archive_page
from fgstp.detection.event_files import COLUMNS, TABLE
from fgstp.detection.event_lines import LINES, read_spans, read_watched
from fgstp.detection.manifest import Entry
from fgstp.detection.overview import Overview, Watched, joined
from fgstp.detection.timeline import STATES, Span

SOURCE_TABLE = "sources.csv"
SOURCE_COLUMNS = (
    *("folder", "source", "error", "n_events", "event_s", "n_frames", "duration_s"),
    *(f"{state}_s" for state in STATES),
    *("model", "fingerprint", "threshold", "remarks"),
)
MOST_NAMED = 5

Row = dict[str, Any]


def merge_archive(archive: Archive, *, shows_progress: bool = True) -> Overview:
    """Write `events.csv`, `sources.csv`, `timeline.png` and `.svg`, and `index.html`.

    Tables are written row by row, so that memory hardly grows with the archive. Whatever killed
    processes of any machine have left is removed.

    Args:
        archive: the sources; each is finished, or could not be read.
        shows_progress: whether there are progress bars.

    Raises:
        UserError: sources are missing, or were watched in another way: then nothing is written;
            or a file cannot be written.
    """
    durations_s, errors = _checked(archive, shows_progress=shows_progress)
    overview = Overview(sum(durations_s))
    bar = ProgressBar(archive.entries, "merge", unit=" sources", disable=not shows_progress)
    with (
        _table(archive.out / TABLE, ("folder", *COLUMNS)) as write_event,
        _table(archive.out / SOURCE_TABLE, SOURCE_COLUMNS) as write_source,
        bar,
    ):
        for entry in bar:
            write_source(_merge(archive, entry, errors.get(entry.name), overview, write_event))
    write_archive_page(overview, archive.out, (TABLE, SOURCE_TABLE))
    for path in (archive.out / SOURCES).glob(f"{TEMPORARY_PREFIX}*"):
        remove_temporary(path)
    return overview


def _checked(archive: Archive, *, shows_progress: bool) -> tuple["array[float]", dict[str, str]]:
    """Lengths of all sources in seconds, and by name why some could not be read.

    Raises:
        UserError: sources are missing, or were watched in another way.
    """
    durations_s, errors = array("d"), dict[str, str]()
    missing, changed = list[Entry](), set[str]()
    bar = ProgressBar(archive.entries, "check", unit=" sources", disable=not shows_progress)
    with bar:
        for entry in bar:
            folder, facts = archive.folder(entry), archive.facts(entry)
            outcome = archive.outcome(entry, facts)
            if outcome.error is not None:
                errors[entry.name] = outcome.error
            elif not outcome.is_done:
                missing.append(entry)
                changed |= _changed(folder / RECORD, facts)
            told = read_watched(folder / LINES)
            durations_s.append(told["duration_s"] if told else 0.0)
    if missing:
        raise UserError(_missing(missing, changed, len(archive.entries)))
    return durations_s, errors


def _changed(record: Path, facts: Facts) -> set[str]:
    """Which facts of a source differ from those with which it was watched, if it was."""
    return {*changed_facts(record, facts)} - {"error"} if read_stamp(record) else set()


def _missing(missing: Sequence[Entry], changed: set[str], n_sources: int) -> str:
    names = [entry.text for entry in missing[:MOST_NAMED]] + ["..."] * (len(missing) > MOST_NAMED)
    why = f" Of some that were, {' and '.join(sorted(changed))} changed." if changed else ""
    return (
        f"{len(missing)} of {n_sources} sources are not finished: {', '.join(names)}.{why} Run the "
        "shards again with the same options, then merge."
    )


def _merge(
    archive: Archive,
    entry: Entry,
    error: str | None,
    overview: Overview,
    write_event: Callable[[Row], object],
) -> Row:
    """Write the events of a source, and give it to the overview; its own row comes out."""
    folder = archive.folder(entry)
    last = read_watched(folder / LINES) or {}
    duration_s = last.get("duration_s", 0.0)
    spans = read_spans(folder / LINES, duration_s)
    first_s = spans[0].begin_s if spans else 0.0
    events, confidence = [], 0.0
    for event in _events(folder / TABLE):
        write_event({"folder": entry.name, **event})
        end_s = float(event["end_s"] or first_s + duration_s)
        events.append((float(event["start_s"]) - first_s, end_s - first_s))
        confidence = max(confidence, float(event["confidence"]))
    n_events, events = len(events), joined(events)
    event_s = round(sum(end_s - begin_s for begin_s, end_s in events), 3)
    source = last.get("source", str(entry.source))
    watched = Watched(event_s, entry.name, source, n_events, confidence, duration_s, error)
    overview.take(
        watched,
        events,
        (Span(state, begin_s - first_s, end_s - first_s) for state, begin_s, end_s in spans),
    )
    return {
        **{key: last.get(key) for key in ("n_frames", "model", "fingerprint", "threshold")},
        **{f"{state}_s": seconds for state, seconds in last.get("state_s", {}).items()},
        "remarks": "; ".join(last.get("remarks", [])),
        "folder": entry.name,
        "source": source,
        "error": error,
        "n_events": n_events,
        "event_s": event_s,
        "duration_s": duration_s,
    }


def _events(path: Path) -> Iterator[Row]:
    """Rows of the table of a source, which is absent if not one frame could be read."""
    if path.is_file():
        with path.open(newline="", encoding="utf-8") as stream:
            yield from csv.DictReader(stream)


@contextmanager
def _table(path: Path, columns: tuple[str, ...]) -> Iterator[Callable[[Row], object]]:
    """A table that appears as a whole; yields what writes a row."""
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, columns)
        writer.writeheader()
        yield writer.writerow
