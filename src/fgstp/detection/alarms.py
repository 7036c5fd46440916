"""Alarms: which places have shown gas for long enough, and when it is over."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fgstp.detection.events import Change, Event
from fgstp.detection.evidence import Evidence
from fgstp.detection.regions import Mask, significant
from fgstp.detection.settings import DetectionSettings
from fgstp.detection.states import BLIND, State


@dataclass(eq=False)
class _Place:
    """Connected cells with evidence, from when it rises until the event is over.

    Attributes:
        cells: (h, w) bool, where evidence is, or was last.
        start_s: when it began to rise.
        total: (h, w) evidence summed over time, which peaks at the source.
        gone_s: since when there is none; None if there is some.
        event: None before an alarm.
    """

    cells: Mask
    start_s: float
    total: NDArray[np.float64]
    gone_s: float | None = None
    event: Event | None = None


class Alarms:
    """Turns maps of probability into events, frame by frame, in constant memory.

    Places are connected cells whose `Evidence` exceeds `clear_fraction` of the threshold; a place
    is followed from frame to frame by the cells that it shares with itself. Where evidence
    exceeds the threshold, an alarm is raised and an event begins, unless its gas is connected to
    that of another event, to which it then belongs. An event is over after `clear_s` without
    evidence.

    Args:
        size: height and width of the maps.
        settings: everything that decides.
        watched: (H, W) bool, pixels of the zones that are watched; None for all.

    Attributes:
        region: (H, W) bool, the pixels of the last frame that count as gas.
    """

    def __init__(
        self,
        size: tuple[int, int],
        settings: DetectionSettings,
        watched: Mask | None = None,
    ) -> None:
        self._settings = settings
        self._watched = watched
        self._evidence = Evidence(size, settings.alarms, settings.threshold)
        self._places: list[_Place] = []
        self._n_events = 0
        self._time_s = 0.0
        self.region = np.zeros(size, bool)

    @property
    def events(self) -> list[Event]:
        """The events that go on, the oldest first."""
        return [place.event for place in self._places if place.event]

    @property
    def evidence(self) -> NDArray[np.float32]:
        """(h, w) evidence of all cells, in logit seconds."""
        return self._evidence.values

    @property
    def is_pre_alarm(self) -> bool:
        """Whether some evidence exceeds `pre_alarm_fraction` of the threshold."""
        alarms = self._settings.alarms
        return bool(self.evidence.max() > alarms.pre_alarm_fraction * alarms.threshold)

    def watch(self, probability: NDArray[np.float32], time_s: float, state: State) -> list[Change]:
        """Take the map (H, W) of the next frame, whose picture is in a state; see `update`.

        Another scene ends all events, and a picture that tells nothing changes nothing.
        """
        changes = self.forget() if state == "scene_changed" else []
        return changes if state in BLIND else changes + self.update(probability, time_s)

    def update(self, probability: NDArray[np.float32], time_s: float) -> list[Change]:
        """Take the map (H, W) of the next frame; what has changed comes out."""
        step_s, self._time_s = max(time_s - self._time_s, 0.0), time_s
        self.region = significant(
            probability, self._settings.threshold, self._settings.regions, self._watched
        )
        self._evidence.update(np.where(self.region, probability, np.float32(0)), time_s)
        changes = list(self._followed())
        for place in self._places:
            place.total += step_s * np.where(place.cells, self.evidence, 0)
            changes += self._judged(place, probability)
        self._places = [each for each in self._places if each.gone_s is None or each.event]
        return changes

    def forget(self) -> list[Change]:
        """End all events and begin anew, as after a change of the scene or at the end."""
        changes = [self._ended(place) for place in self._places if place.event]
        self._places = []
        self._evidence.forget()
        return changes

    def _followed(self) -> Iterator[Change]:
        """Move places to their cells in this frame, and find new ones."""
        alarms = self._settings.alarms
        has_some = self.evidence > alarms.clear_fraction * alarms.threshold
        n_labels, labels = cv2.connectedComponents(has_some.astype(np.uint8), connectivity=8)
        free = set(range(1, n_labels))
        for place in list(self._places):
            touched = set(np.unique(labels[place.cells])) - {0}
            own = touched & free
            free -= own
            if own:
                place.cells, place.gone_s = np.isin(labels, list(own)), None
            elif touched:  # an older place has grown over it
                self._places.remove(place)
                if place.event:
                    yield self._ended(place)
            elif place.gone_s is None:
                place.gone_s = self._time_s
        for label in sorted(free):
            nothing = np.zeros(labels.shape)
            self._places.append(_Place(labels == label, self._time_s, nothing))

    def _judged(self, place: _Place, probability: NDArray[np.float32]) -> Iterator[Change]:
        alarms = self._settings.alarms
        evidence = 0.0 if place.gone_s is not None else float(self.evidence[place.cells].max())
        is_new = place.event is None
        if is_new:
            if evidence <= alarms.threshold:
                return
            if (older := self._of_same_region(place)) is not None:
                older.cells |= place.cells
                older.total += place.total
                place.gone_s = self._time_s
                return
            self._n_events += 1
            place.event = Event(self._n_events, place.start_s, self._time_s)
        event = place.event
        assert event is not None
        event.see(self._time_s, evidence, self._region_of(place), probability)
        event.source_xy = self._source_of(place)
        if event.told(alarms.update_ratio):
            yield Change("new" if is_new else "update", event)
        if place.gone_s is not None and self._time_s - place.gone_s >= alarms.clear_s:
            yield self._ended(place)
            place.event = None

    def _of_same_region(self, place: _Place) -> _Place | None:
        """A place with an event whose gas is connected to that of another place; None without."""
        region = self._region_of(place)
        for other in self._places:
            if other.event and (region & self._region_of(other)).any():
                return other
        return None

    def _ended(self, place: _Place) -> Change:
        event = place.event
        assert event is not None
        event.end_s = event.last_s
        return Change("end", event)

    def _region_of(self, place: _Place) -> Mask:
        """The regions of this frame that touch the cells of a place, (H, W)."""
        size = self.region.shape[::-1]
        own = cv2.resize(place.cells.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
        _, labels = cv2.connectedComponents(self.region.astype(np.uint8), connectivity=8)
        touched = np.setdiff1d(labels[own], [0])
        return np.asarray(np.isin(labels, touched))

    def _source_of(self, place: _Place) -> tuple[float, float]:
        """Column and row in pixels of the middle of the cell with most evidence over time."""
        row, column = np.unravel_index(int(place.total.argmax()), place.total.shape)
        (height, width), (rows, columns) = self.region.shape, place.total.shape
        return (float(column) + 0.5) * width / columns, (float(row) + 0.5) * height / rows
