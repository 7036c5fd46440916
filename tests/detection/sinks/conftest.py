import numpy as np
import pytest

from fgstp.detection.events import Change

END_S = 40.0


@pytest.fixture
def hand_over(new_report, results_at, tmp_path):
    """Hands a minute at 2 Hz to an output: an event from second 20 to 40."""

    def handed(output):
        report = new_report()
        with output(report, tmp_path / "pad A") as take:
            for result in map(_ended, results_at(np.arange(0, 60, 0.5), alarm_at=20.0)):
                report.take(result)
                take(result)
        return report

    return handed


def _ended(result):
    """A result without the event from its end on."""
    if result.time_s < END_S:
        return result
    [event] = result.events
    event.end_s = END_S
    changes = [Change("end", event)] if result.time_s == END_S else []
    return result._replace(changes=changes, events=[], region=np.zeros_like(result.region))
