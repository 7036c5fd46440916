"""Pieces of video: some seconds before and after the alarm of each event."""

from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from fgstp.detection.events import Event
from fgstp.detection.overlay import drawn
from fgstp.detection.report import DetectionReport
from fgstp.detection.result import Result, Writer
from fgstp.detection.sources import short_name
from fgstp.footage.encoding import encoded_video

BEFORE_S, AFTER_S = 10.0, 10.0  # the beginning and the end of an event
LONGEST_S = 120.0  # after the alarm
MOST_BYTES = 256 * 2**20  # of the frames that wait


@contextmanager
def event_clips(report: DetectionReport, folder: Path) -> Iterator[Writer]:
    """Begin the folder `clips`; yields what takes results.

    It gets a video for each event, `<id>.webm`, with outlines as in the overlay: from 10 s before
    its beginning to 10 s after its end, or to two minutes after its alarm. Of large pictures less
    is kept from before the alarm, so that memory is bounded.

    Args:
        report: of the same footage.
        folder: where the folder is written.

    Raises:
        UserError: a video cannot be written.
    """
    with ExitStack() as stack:
        recorder = _Recorder(report, folder / "clips", stack)
        yield recorder.take


class _Recorder:
    """Keeps the last seconds, and writes the clips of all events that go on."""

    def __init__(self, report: DetectionReport, folder: Path, stack: ExitStack) -> None:
        self._report, self._folder, self._stack = report, folder, stack
        self._recent: deque[Result] = deque()
        self._clips: dict[int, _Clip] = {}

    def take(self, result: Result) -> None:
        for number in [each for each, clip in self._clips.items() if not clip.append(result)]:
            self._clips.pop(number).close()
        self._remember(result)
        for kind, event in result.changes:
            if kind == "new":
                self._begin(event)
            elif kind == "end" and event.number in self._clips:
                clip = self._clips[event.number]
                clip.until_s = min(clip.until_s, result.time_s + AFTER_S)

    def _remember(self, result: Result) -> None:
        """Keep what is drawn of a result, and drop what is too old or too much."""
        recent = self._recent
        recent.append(result._replace(map=np.zeros((0, 0), np.float32), changes=[]))
        n_bytes = result.frame.nbytes + result.region.nbytes
        oldest_s = result.time_s - BEFORE_S - LONGEST_S
        while len(recent) * n_bytes > MOST_BYTES or recent[0].time_s < oldest_s:
            recent.popleft()

    def _begin(self, event: Event) -> None:
        name = f"{short_name(self._report.source)}-{event.number}.webm"
        clip = _Clip(self._folder / name, self._report, event.alarm_s + LONGEST_S)
        self._stack.enter_context(clip.files)
        self._clips[event.number] = clip
        for each in self._recent:
            if each.time_s >= event.start_s - BEFORE_S:
                clip.append(each)


class _Clip:
    """The clip of one event."""

    def __init__(self, path: Path, report: DetectionReport, until_s: float) -> None:
        self.until_s = until_s
        self.files = ExitStack()
        self._append = self.files.enter_context(encoded_video(path))
        self._report = report
        self._begin_s: float | None = None

    def append(self, result: Result) -> bool:
        """Append a frame; whether the clip goes on."""
        if self._begin_s is None:
            self._begin_s = result.time_s
        if result.time_s > self.until_s:
            return False
        self._append(drawn(result, len(self._report.events)), result.time_s - self._begin_s)
        return True

    def close(self) -> None:
        self.files.close()
