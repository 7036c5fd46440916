"""Lines of JSON that tell what happens while a video is watched."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fgstp.core.files import user_error_if_denied
from fgstp.detection.event_files import row, utc_times
from fgstp.detection.report import DetectionReport
from fgstp.detection.result import Result, Writer
from fgstp.detection.states import State
from fgstp.detection.timeline import Span

LINES = "events.jsonl"
STATE_LINE = '{"type": "state"'

Message = dict[str, Any]  # plain values, as JSON knows them


@contextmanager
def event_lines(report: DetectionReport, folder: Path) -> Iterator[Writer]:
    """Open `events.jsonl`; yields what takes results.

    It gets a line for each of the `messages`, and at the end one of what was `watched`. Each line
    is whole once it stands, so that the file can be read meanwhile.

    Args:
        report: of the same footage; its state at the end is the last line.
        folder: where the file is written; what it held is lost.

    Raises:
        UserError: the file cannot be written.
    """
    path = folder / LINES
    with user_error_if_denied(f"write {path}"):
        folder.mkdir(parents=True, exist_ok=True)
        stream = path.open("w", encoding="utf-8", buffering=1)

    def write(message: Message) -> None:
        with user_error_if_denied(f"write {path}"):
            stream.write(json.dumps(message) + "\n")

    try:
        yield messages(report, write)
    finally:
        with user_error_if_denied(f"write {path}"), stream:  # closing writes what waits
            write({"type": "watched", **watched(report)})


def messages(report: DetectionReport, send: Callable[[Message], object]) -> Writer:
    """What takes results, and sends a message for all that changes.

    A message is of the `type` `new`, `update` or `end` of an event, or `state` of the picture.

    Args:
        report: of the same footage.
        send: gets the messages, of plain values.
    """
    state: State | None = None

    def take(result: Result) -> None:
        nonlocal state
        if result.state != state:
            state = result.state
            send(
                {
                    "type": "state",
                    "state": state,
                    "time_s": round(result.time_s, 3),
                    **utc_times(report.opened_utc_s, time_utc=result.time_s),
                    "source": report.source,
                }
            )
        for kind, event in result.changes:
            outline_px = event.outline.tolist()
            send(
                {
                    "type": kind,
                    **row(event, report.facts, report.opened_utc_s),
                    "outline_px": outline_px,
                }
            )

    return take


def watched(report: DetectionReport) -> dict[str, Any]:
    """What was watched, as plain values."""
    return {
        **report.facts,
        **utc_times(report.opened_utc_s, opened_utc=0.0),
        "n_events": len(report.events),
        "n_frames": report.n_frames,
        "duration_s": round(report.duration_s, 3),
        "state_s": {state: round(seconds, 3) for state, seconds in report.state_s.items()},
        "remarks": report.remarks,
        "sentence": report.sentence(),
    }


def read_watched(path: Path) -> Message | None:
    """Read the last line, of what was watched; None while it is being watched, and if none was."""
    try:
        last = json.loads(path.read_text("utf-8").splitlines()[-1])
    except (OSError, ValueError, IndexError):
        return None
    return last if isinstance(last, dict) and last.get("type") == "watched" else None


def read_spans(path: Path, duration_s: float) -> list[Span]:
    """Read the states of the picture, one after the other; none if nothing was watched.

    Args:
        path: an `events.jsonl`.
        duration_s: time from the first frame to the last one.
    """
    if not path.is_file():
        return []
    with path.open(encoding="utf-8") as lines:
        told = [json.loads(line) for line in lines if line.startswith(STATE_LINE)]
    begins_s = [each["time_s"] for each in told]
    ends_s = [*begins_s[1:], begins_s[0] + duration_s] if told else []
    return [
        Span(each["state"], begin_s, end_s)
        for each, begin_s, end_s in zip(told, begins_s, ends_s, strict=True)
    ]
