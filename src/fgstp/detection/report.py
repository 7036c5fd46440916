"""What a detector has found in a video."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fgstp.core.wording import clock, length
from fgstp.detection.event_files import TABLE, write_table
from fgstp.detection.events import Event
from fgstp.detection.result import Result, Writer
from fgstp.detection.settings import DetectionSettings
from fgstp.detection.sources import shown_name
from fgstp.detection.states import State
from fgstp.detection.timeline import STATES, Span, Timeline
from fgstp.detection.wording import TOLD

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_TOLD = 6  # events in the sentence for a human


@dataclass
class DetectionReport:
    """What was watched, and what was found in it. It takes constant memory beside the events.

    Attributes:
        source: the footage.
        model: name of the model.
        fingerprint: SHA-256 of its weights; None if it has none.
        settings: what decided.
        events: in the order of their alarms.
        timeline: frame scores and states over time.
        state_s: seconds in each state.
        n_frames: number of frames.
        begin_s: time of the first frame.
        end_s: time of the last one.
        remarks: what is odd about the footage.
        opened_utc_s: of a stream, seconds since 1970 of the time 0; None for files.
    """

    source: str
    model: str
    fingerprint: str | None
    settings: DetectionSettings
    events: list[Event] = field(default_factory=list)
    timeline: Timeline = field(default_factory=Timeline)
    state_s: dict[State, float] = field(default_factory=lambda: dict.fromkeys(STATES, 0.0))
    n_frames: int = 0
    begin_s: float = 0.0
    end_s: float = 0.0
    remarks: list[str] = field(default_factory=list)
    opened_utc_s: float | None = None
    _state: State = "warming_up"

    @property
    def name(self) -> str:
        """What people call the footage: the name of the file, or the address of the stream."""
        return shown_name(self.source)

    @property
    def duration_s(self) -> float:
        """Time from the first to the last frame."""
        return self.end_s - self.begin_s

    @property
    def spans(self) -> list[Span]:
        """States of the picture, one after the other; of long footage the worst of each stretch."""
        return self.timeline.spans()

    @property
    def facts(self) -> dict[str, Any]:
        """What each event is told with: `source`, `model`, `fingerprint` and `threshold`."""
        return {
            "source": self.source,
            "model": self.model,
            "fingerprint": self.fingerprint,
            "threshold": round(self.settings.threshold, 4),
        }

    def take(self, result: Result) -> None:
        """Take what is known of the next frame."""
        if self.n_frames:
            self.state_s[self._state] += max(result.time_s - self.end_s, 0.0)
        else:
            self.begin_s = result.time_s
        self.n_frames += 1
        self.end_s, self._state = result.time_s, result.state
        self.timeline.take(result.time_s, result.score, result.state)
        self.events += [change.event for change in result.changes if change.kind == "new"]

    def sentence(self) -> str:
        """What was found, for a human."""
        watched = f"{self.name}: {_count(len(self.events))} in {length(self.duration_s)}"
        if not self.events:
            return watched + self._blind()
        told = [_told(event) for event in self.events[:MOST_TOLD]]
        if len(self.events) > MOST_TOLD:
            told.append(f"and {len(self.events) - MOST_TOLD} more")
        return f"{watched}: {'; '.join(told)}{self._blind()}"

    def plot(self) -> "Figure":
        """A figure of scores, states and events over time, such as for a notebook."""
        # Matplotlib takes a second to import, and not everybody wants a figure.
        from fgstp.detection.figure import timeline_figure  # noqa: PLC0415

        return timeline_figure(self)

    def save(self, folder: Path | str) -> None:
        """Write `events.csv`, `timeline.png`, `timeline.svg` and the page `summary.html`.

        The page plays `overlay.webm` or `overlay.mp4`, if it lies in the folder.

        Raises:
            UserError: a file cannot be written.
        """
        from fgstp.detection.figure import timeline_figure, write_figure  # noqa: PLC0415 - as in `plot`
        from fgstp.detection.page import write_summary  # noqa: PLC0415

        folder = Path(folder)
        write_table(folder / TABLE, self.events, self.facts, self.opened_utc_s)
        svg = write_figure(timeline_figure(self), folder)
        write_summary(self, folder, svg)

    def _blind(self) -> str:
        """How long the picture was not fit, if it was."""
        parts = [
            f"{length(seconds)} {TOLD[state]}"
            for state, seconds in self.state_s.items()
            if state != "watching" and seconds >= 1
        ]
        return f" ({', '.join(parts)})" if parts else ""


def _told(event: Event) -> str:
    column, row = event.source_xy
    end = "" if event.end_s is None else clock(event.end_s)
    return (
        f"{clock(event.start_s)}-{end} (confidence {event.confidence:.2f}, "
        f"{event.area_fraction:.1%} of the frame, source near x {column:.0f} y {row:.0f})"
    )


def _count(n_events: int) -> str:
    return {0: "no leak", 1: "1 event"}.get(n_events, f"{n_events} events")


# Opened for the report of footage and its folder; what it yields takes the results as they come.
Output = Callable[[DetectionReport, Path], AbstractContextManager[Writer]]
