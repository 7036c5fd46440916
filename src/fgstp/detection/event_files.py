"""Events as rows of a table."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fgstp.core.files import atomic_path
from fgstp.detection.events import Event

TABLE = "events.csv"
COLUMNS = (
    *("id", "source", "start_s", "alarm_s", "end_s", "confidence", "peak", "evidence"),
    *("area_fraction", "max_area_fraction", "source_x_px", "source_y_px"),
    *("left_px", "top_px", "width_px", "height_px"),
    *("model", "fingerprint", "threshold"),
)


def row(event: Event, facts: Mapping[str, Any]) -> dict[str, Any]:
    """An event as plain values: units stand in the names, times count from the beginning.

    Args:
        event: the event.
        facts: of the run: `source`, `model`, `fingerprint`, `threshold`.
    """
    named = dict(zip(("left_px", "top_px", "width_px", "height_px"), event.box, strict=True))
    column, line = event.source_xy
    return {
        "id": f"{Path(facts['source']).stem}-{event.number}",
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
    }


def _rounded(value: float | None, digits: int = 3) -> float | None:
    return None if value is None else round(value, digits)


def write_table(path: Path, events: Iterable[Event], facts: Mapping[str, Any]) -> None:
    """Write a table, a row an event."""
    rows = [row(event, facts) for event in events]
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
