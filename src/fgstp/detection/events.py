"""Events: stretches of time in which gas leaks at a place."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgstp.detection.regions import Mask, outlines

Box = tuple[int, int, int, int]


@dataclass
class Event:
    """A leak, as far as it has been seen.

    Attributes:
        number: from 1, in the order of the alarms.
        start_s: when the evidence began to rise that led to the alarm.
        alarm_s: when the alarm was raised.
        end_s: when gas was last seen; None while the event goes on.
        last_s: time of the last frame that shows gas.
        source_xy: column and row in pixels of the place with most evidence over time.
        confidence: mean probability of its pixels, averaged over the frames that show it.
        peak: highest probability that a pixel has had.
        area_fraction: its pixels as a fraction of the frame, averaged over the same frames.
        max_area_fraction: the largest such fraction.
        evidence: the highest evidence, in logit seconds.
        box: left, top, width and height in pixels of all that it has covered.
        outline: (N, 2) columns and rows, the largest outline in the last frame that shows it.
    """

    number: int
    start_s: float
    alarm_s: float
    end_s: float | None = None
    last_s: float = 0.0
    source_xy: tuple[float, float] = (0.0, 0.0)
    confidence: float = 0.0
    peak: float = 0.0
    area_fraction: float = 0.0
    max_area_fraction: float = 0.0
    evidence: float = 0.0
    box: Box = (0, 0, 0, 0)
    outline: NDArray[np.int32] = field(default_factory=lambda: np.zeros((0, 2), np.int32))
    _n_seen: int = 0
    _told: tuple[float, float] = (0.0, 0.0)  # evidence and largest area when last told

    def see(
        self, time_s: float, evidence: float, region: Mask, probability: NDArray[np.float32]
    ) -> None:
        """Take what a frame shows.

        Args:
            time_s: its time.
            evidence: the highest evidence of the event now.
            region: (H, W) bool, its pixels; none where it is hidden for a moment.
            probability: (H, W) float32, the map.
        """
        self.evidence = max(self.evidence, evidence)
        if not region.any():
            return
        inside = probability[region]
        fraction = inside.size / region.size
        self._n_seen += 1
        self.confidence += (float(inside.mean()) - self.confidence) / self._n_seen
        self.area_fraction += (fraction - self.area_fraction) / self._n_seen
        self.max_area_fraction = max(self.max_area_fraction, fraction)
        self.peak = max(self.peak, float(inside.max()))
        self.last_s = time_s
        self.outline = outlines(region)[0]
        self.box = _joined(self.box, _box(region)) if self._n_seen > 1 else _box(region)

    def told(self, ratio: float) -> bool:
        """Whether it has grown by a factor since this was last true: as often as a logarithm."""
        size = self.evidence, self.max_area_fraction
        has_grown = any(now > ratio * before for now, before in zip(size, self._told, strict=True))
        if has_grown:
            self._told = size
        return has_grown


class Change(NamedTuple):
    """What has become of an event.

    Attributes:
        kind: `new` when the alarm is raised, `update` when it has grown, `end` once it is over.
        event: the event.
    """

    kind: Literal["new", "update", "end"]
    event: Event


def _box(region: Mask) -> Box:
    rows, columns = (np.flatnonzero(region.any(axis=axis)) for axis in (1, 0))
    left, top = int(columns[0]), int(rows[0])
    return left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1


def _joined(one: Box, other: Box) -> Box:
    left, top = min(one[0], other[0]), min(one[1], other[1])
    right = max(one[0] + one[2], other[0] + other[2])
    bottom = max(one[1] + one[3], other[1] + other[3])
    return left, top, right - left, bottom - top
