"""What was found in an archive, in constant memory."""

import heapq
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from fgstp.detection.timeline import STATES, Span

N_BINS = 240
MOST_LISTED = 100

Interval = tuple[float, float]


class Watched(NamedTuple):
    """What was found in a source.

    Attributes:
        event_s: time with an event.
        name: name of its folder.
        source: the source.
        n_events: number of events.
        confidence: the highest of an event; 0 without events.
        duration_s: its length.
        error: why it could not be read to its end; None if it could.
    """

    event_s: float
    name: str
    source: str
    n_events: int
    confidence: float
    duration_s: float
    error: str | None


class Overview:
    """Events and states over all sources, which are put one after the other.

    Args:
        total_s: length of all sources together.

    Attributes:
        width_s: length of a bin of time.
        event_s: (bins,) time with an event in each.
        state_s: (states, bins) time in each of `STATES`.
        n_sources: number of sources.
        n_events: number of events.
        n_failed: number of sources that could not be read to their end.
        busiest: those with most time with an event, at most a hundred, the first ones first.
        failed: the first hundred of those that could not be read to their end.
    """

    def __init__(self, total_s: float) -> None:
        self.width_s = max(total_s, 1e-3) / N_BINS
        self.event_s = np.zeros(N_BINS)
        self.state_s = np.zeros((len(STATES), N_BINS))
        self.n_sources = self.n_events = self.n_failed = 0
        self.failed: list[Watched] = []
        self._offset_s = 0.0
        self._heap: list[tuple[float, int, Watched]] = []

    @property
    def duration_s(self) -> float:
        """Length of the sources so far."""
        return self._offset_s

    @property
    def busiest(self) -> list[Watched]:
        """See above."""
        return [watched for *_, watched in sorted(self._heap, reverse=True)]

    def take(self, watched: Watched, events: Iterable[Interval], spans: Iterable[Span]) -> None:
        """Take the next source.

        Args:
            watched: what was found.
            events: beginnings and ends of events, which do not overlap, from its first frame.
            spans: states of the picture, from its first frame.
        """
        for begin_s, end_s in events:
            _add(self.event_s, self._offset_s + begin_s, self._offset_s + end_s, self.width_s)
        for state, begin_s, end_s in spans:
            row = self.state_s[STATES.index(state)]
            _add(row, self._offset_s + begin_s, self._offset_s + end_s, self.width_s)
        self._offset_s += watched.duration_s
        self.n_sources += 1
        self.n_events += watched.n_events
        if watched.n_events:
            item = (watched.event_s, -self.n_sources, watched)
            keep = heapq.heappush if len(self._heap) < MOST_LISTED else heapq.heappushpop
            keep(self._heap, item)
        if watched.error is not None:
            self.n_failed += 1
            if len(self.failed) < MOST_LISTED:
                self.failed.append(watched)


def joined(intervals: Iterable[Interval]) -> list[Interval]:
    """The intervals without overlaps, in order."""
    found: list[Interval] = []
    for begin_s, end_s in sorted(intervals):
        if found and begin_s <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end_s))
        else:
            found.append((begin_s, end_s))
    return found


def _add(bins: np.ndarray, begin_s: float, end_s: float, width_s: float) -> None:
    """Add the time of an interval to the bins in which it lies."""
    first, last = (min(int(time_s / width_s), N_BINS - 1) for time_s in (begin_s, end_s))
    edges_s = np.arange(first, last + 2) * width_s
    inside = np.clip(edges_s, begin_s, end_s)
    inside[-1] = end_s  # rounding must lose nothing at the end
    bins[first : last + 1] += np.diff(inside)
