"""Results of a made-up watch."""

import numpy as np
import pytest

from fgstp.detection.events import Change, Event
from fgstp.detection.report import DetectionReport
from fgstp.detection.result import Result
from fgstp.detection.settings import DetectionSettings


def report(source="pads/pad A.mkv"):
    return DetectionReport(source, "wisp", "5ca1ab1e", DetectionSettings())


def results(times_s, size=(60, 80), alarm_at=None):
    """Grey frames; from a time on, an event with a region of 20 x 10 at column 30, row 20."""
    event = None
    for number, time_s in enumerate(times_s):
        region, changes = np.zeros(size, bool), []
        if alarm_at is not None and time_s >= alarm_at:
            region[20:30, 30:50] = True
            if event is None:
                event = Event(1, time_s - 1, time_s, source_xy=(35, 28), confidence=0.8)
                event.box, event.peak = (30, 20, 20, 10), 0.9
                changes = [Change("new", event)]
        rows = np.arange(size[0], dtype=np.uint8)[:, None]
        yield Result(
            number,
            time_s,
            np.broadcast_to(rows, size).copy(),
            region.astype(np.float32),
            0.2 + 0.7 * region.any(),
            "warming_up" if time_s < 2 else "watching",
            region,
            [event] if event else [],
            changes,
            evidence=10.0 * region.any(),
        )


@pytest.fixture(name="new_report")
def _new_report():
    return report


@pytest.fixture(name="results_at")
def _results_at():
    return results
