"""Events as rows of a table."""

import csv
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fgstp.core.files import atomic_path
from fgstp.detection.events import Event
from fgstp.detection.sources import short_name

TABLE = "events.csv"
COLUMNS = (
    *("id", "source", "start_s", "alarm_s", "end_s", "confidence", "peak", "evidence"),
    *("area_fraction", "max_area_fraction", "source_x_px", "source_y_px"),
    *("left_px", "top_px", "width_px", "height_px"),
    *("model", "fingerprint", "threshold", "start_utc", "alarm_utc", "end_utc"),
)


def row(
    event: Event, facts: Mapping[str, Any], opened_utc_s: float | None = None
) -> dict[str, Any]:
    """An event as plain values: units stand in the names, times count from the beginning.

    Args:
        event: the event.
        facts: of the run: `source`, `model`, `fingerprint`, `threshold`.
        opened_utc_s: of a stream, seconds since 1970 of the time 0, which adds times of the day.
    """
    named = dict(zip(("left_px", "top_px", "width_px", "height_px"), event.box, strict=True))
    column, line = event.source_xy
    return {
        "id": f"{short_name(facts['source'])}-{event.number}",
        "start_s": _rounded(event.start_s),
        "alarm_s": _rounded(event.alarm_s),
        "end_s": _rounded(event.end_s),
        "confidence": _rounded(event.confidence),
        "peak": _rounded(event.peak),
        "evidence": _rounded(event.evidence),
        "area_fraction": _rounded(event.area_fraction, 6),
        "max_area_fraction": _rounded(event.max_area_fraction, 6),
        "source_x_px": _rounded(column),
        "source_y_px": _rounded(line),
        **named,
        **facts,
        **utc_times(
            opened_utc_s,
            start_utc=event.start_s,
            alarm_utc=event.alarm_s,
            end_utc=event.end_s,
        ),
    }


def utc_times(opened_utc_s: float | None, **times_s: float | None) -> dict[str, str | None]:
    """Times of a stream as ISO 8601 in UTC, by their names; nothing for files, which have no day.

    Args:
        opened_utc_s: seconds since 1970 of the time 0; None for files.
        times_s: times in seconds, None where there is none yet.
    """
    if opened_utc_s is None:
        return {}
    return {
        name: None if time_s is None else _iso(opened_utc_s + time_s)
        for name, time_s in times_s.items()
    }


def _iso(utc_s: float) -> str:
    return datetime.fromtimestamp(utc_s, UTC).isoformat(timespec="milliseconds")


def _rounded(value: float | None, digits: int = 3) -> float | None:
    return None if value is None else round(value, digits)


def write_table(
    path: Path,
    events: Iterable[Event],
    facts: Mapping[str, Any],
    opened_utc_s: float | None = None,
) -> None:
    """Write a table, a row an event; see `row`."""
    rows = [row(event, facts, opened_utc_s) for event in events]
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
