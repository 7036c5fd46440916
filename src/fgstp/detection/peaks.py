"""Peaks of evidence in footage that is free of gas: the false alarms that there could be."""

from fgstp.detection.settings import AlarmSettings


class Peaks:
    """Collects the peaks of evidence, one for each event that a detector could raise.

    An alarm is raised where evidence exceeds the threshold, so that the highest evidence of an
    event is the lowest threshold that would have spared it. An event is over after `clear_s` in
    which evidence stays below `clear_fraction` of its own peak, which is the rule of `Alarms` at a
    threshold of that peak. At a lower threshold, the detector joins what comes as two peaks here;
    so peaks above a threshold are as many as its alarms, or more.

    Args:
        settings: when there is an alarm; the threshold has no effect.

    Attributes:
        heights: the peaks, in logit seconds, in the order of time; those of 0 are left out.
    """

    def __init__(self, settings: AlarmSettings) -> None:
        self._settings = settings
        self._peak = self._seen_s = 0.0
        self.heights: list[float] = []

    def take(self, time_s: float, evidence: float) -> None:
        """Take the highest evidence of the frame at a time."""
        self._peak = max(self._peak, evidence)
        if evidence > self._settings.clear_fraction * self._peak:
            self._seen_s = time_s
        elif self._peak and time_s - self._seen_s >= self._settings.clear_s:
            self.end()

    def end(self) -> None:
        """End what goes on, as after a change of the scene or at the end of a video."""
        if self._peak:
            self.heights.append(self._peak)
        self._peak = 0.0
