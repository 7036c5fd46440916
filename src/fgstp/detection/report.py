"""What a detector has found in a video."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from fgstp.detection.events import Change, Event
from fgstp.detection.states import State

TOLD = {
    "warming_up": "warming up",
    "rate_too_low": "the frame rate too low",
    "camera_moving": "the camera moving",
    "scene_changed": "another scene",
    "too_dark": "too dark",
    "saturated": "saturated",
    "frozen": "frozen",
    "no_signal": "without a signal",
}


class Span(NamedTuple):
    """A stretch of time in one state."""

    state: State
    begin_s: float
    end_s: float


@dataclass
class DetectionReport:
    """What was watched, and what was found in it.

    Attributes:
        source: the footage.
        threshold: probability from which a pixel spoke for gas.
        events: in the order of their alarms.
        times_s: times of all frames.
        scores: the model's frame scores.
        spans: states of the picture, one after the other.
        remarks: what is odd about the footage.
    """

    source: str
    threshold: float
    events: list[Event] = field(default_factory=list)
    times_s: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return len(self.times_s)

    @property
    def duration_s(self) -> float:
        """Time from the first to the last frame."""
        return self.times_s[-1] - self.times_s[0] if self.times_s else 0.0

    def take(self, time_s: float, score: float, state: State, changes: Sequence[Change]) -> None:
        """Take what is known of the next frame."""
        self.times_s.append(time_s)
        self.scores.append(score)
        if self.spans and self.spans[-1].state == state:
            self.spans[-1] = self.spans[-1]._replace(end_s=time_s)
        else:
            self.spans.append(Span(state, time_s, time_s))
        self.events += [change.event for change in changes if change.kind == "new"]

    def sentence(self) -> str:
        """What was found, for a human."""
        watched = (
            f"{Path(self.source).name}: {_count(len(self.events))} in {_length(self.duration_s)}"
        )
        if not self.events:
            return watched + self._blind()
        return f"{watched}: {'; '.join(map(_told, self.events))}{self._blind()}"

    def _blind(self) -> str:
        """How long the picture was not fit, if it was."""
        seconds = dict.fromkeys(TOLD, 0.0)
        for state, begin_s, end_s in self.spans:
            if state in seconds:
                seconds[state] += end_s - begin_s
        parts = [f"{_length(s)} {TOLD[state]}" for state, s in seconds.items() if s >= 1]
        return f" ({', '.join(parts)})" if parts else ""


def _told(event: Event) -> str:
    column, row = event.source_xy
    end = "" if event.end_s is None else _clock(event.end_s)
    return (
        f"{_clock(event.start_s)}-{end} (confidence {event.confidence:.2f}, "
        f"{event.area_fraction:.1%} of the frame, source near x {column:.0f} y {row:.0f})"
    )


def _count(n_events: int) -> str:
    return {0: "no leak", 1: "1 event"}.get(n_events, f"{n_events} events")


def _length(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def _clock(seconds: float) -> str:
    hours, rest = divmod(int(seconds), 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
