"""Alarms over maps that were predicted before: what a detector would have told of the footage."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgstp.detection.alarms import Alarms
from fgstp.detection.events import Event
from fgstp.detection.settings import DetectionSettings
from fgstp.detection.states import Scene


class Replay(NamedTuple):
    """What a detector tells of T frames.

    Attributes:
        events: in the order of their alarms.
        evidence: (T,) float64 in logit seconds, the highest anywhere: an alarm at any lower
            threshold of evidence.
    """

    events: list[Event]
    evidence: NDArray[np.float64]


def replay(
    size: tuple[int, int],
    frames: Iterable[NDArray[np.uint8]],
    maps: Iterable[NDArray[np.uint8]],
    times_s: NDArray[np.float64],
    settings: DetectionSettings,
) -> Replay:
    """Raise the alarms of a detector over a video whose maps are known.

    Frames may be missing in between, as where a camera pauses.

    Args:
        size: height and width of the frames.
        frames: (H, W) grey levels of T frames.
        maps: their (H, W) maps of probability, 255 being 1.
        times_s: (T,) their times, which rise.
        settings: everything that decides.
    """
    scene, alarms = Scene(size, settings.states), Alarms(size, settings)
    events: list[Event] = []
    highest = np.zeros(len(times_s))
    for number, (frame, levels) in enumerate(zip(frames, maps, strict=True)):
        time_s = float(times_s[number])
        state = scene.update(frame, time_s)
        changes = alarms.watch(np.divide(levels, 255, dtype=np.float32), time_s, state)
        events += [change.event for change in changes if change.kind == "new"]
        highest[number] = alarms.evidence.max()
    alarms.forget()
    return Replay(events, highest)
