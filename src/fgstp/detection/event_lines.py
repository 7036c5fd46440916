"""Lines of JSON that tell what happens while a video is watched."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fgstp.core.files import user_error_if_denied
from fgstp.detection.event_files import row
from fgstp.detection.report import DetectionReport
from fgstp.detection.result import Result, Writer

LINES = "events.jsonl"


@contextmanager
def event_lines(report: DetectionReport, folder: Path) -> Iterator[Writer]:
    """Open `events.jsonl`; yields what takes results.

    It gets a line for each change of an event (`new`, `update`, `end`) and of the picture's state
    (`state`), and at the end one of what was `watched`. Each line is whole once it stands, so that
    the file can be read meanwhile.

    Args:
        report: of the same footage; its state at the end is the last line.
        folder: where the file is written; what it held is lost.

    Raises:
        UserError: the file cannot be written.
    """
    path, state = folder / LINES, None
    with user_error_if_denied(f"write {path}"):
        folder.mkdir(parents=True, exist_ok=True)
        stream = path.open("w", encoding="utf-8", buffering=1)

    def write(**line: Any) -> None:  # noqa: ANN401 - plain values
        with user_error_if_denied(f"write {path}"):
            stream.write(json.dumps(line) + "\n")

    def take(result: Result) -> None:
        nonlocal state
        if result.state != state:
            state = result.state
            time_s = round(result.time_s, 3)
            write(type="state", state=state, time_s=time_s, source=report.source)
        for kind, event in result.changes:
            outline_px = event.outline.tolist()
            write(type=kind, **row(event, report.facts), outline_px=outline_px)

    with stream:
        try:
            yield take
        finally:
            write(type="watched", **watched(report))


def watched(report: DetectionReport) -> dict[str, Any]:
    """What was watched, as plain values."""
    return {
        **report.facts,
        "n_events": len(report.events),
        "n_frames": report.n_frames,
        "duration_s": round(report.duration_s, 3),
        "state_s": {state: round(seconds, 3) for state, seconds in report.state_s.items()},
        "remarks": report.remarks,
        "sentence": report.sentence(),
    }
