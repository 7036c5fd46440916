"""Watching cameras and network streams, all at once."""

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event

from fgstp.core.errors import UserError
from fgstp.core.progress import StatusLine
from fgstp.detection.detector import Detector
from fgstp.detection.report import DetectionReport, Output
from fgstp.detection.watch_videos import opened
from fgstp.detection.wording import TOLD
from fgstp.footage.live import LiveStream

SHOW_EVERY_S = 1.0

logger = logging.getLogger(__name__)


def watch_streams(
    detector: Detector,
    places: Sequence[tuple[str, Path]],
    outputs: Sequence[Output] = (),
    *,
    every: int = 1,
    jobs: int | None = None,
    shows_progress: bool = True,
    faults: list[str] | None = None,
) -> Iterator[DetectionReport]:
    """Watch streams at once until they end or are stopped (Ctrl-C), with results on the disk.

    As `watch_videos`, with a line of what goes on instead of a progress bar.

    Args:
        detector: the detector.
        places: addresses, each with the folder where its results are written.
        outputs: what else takes the results.
        every: every n-th frame is watched.
        jobs: streams that are watched at once; the others wait. None: all.
        shows_progress: whether there is a line of what goes on.
        faults: as for `watch_videos`.

    Yields:
        Reports of the streams that could be watched, once all are over; what is wrong with the
        others is logged at once.
    """
    watches = [_StreamWatch(detector, address, folder, every) for address, folder in places]
    with ThreadPoolExecutor(jobs or max(1, len(watches))) as pool:
        running: list[Future[DetectionReport | None]] = []
        try:
            running += (pool.submit(watch.run, outputs, faults) for watch in watches)
            _show(watches, running, disable=not shows_progress)
        except KeyboardInterrupt:
            for watch in watches:
                watch.stop()
    yield from (report for done in running if (report := done.result()) is not None)


def _show(
    watches: "Sequence[_StreamWatch]",
    running: Sequence[Future[DetectionReport | None]],
    *,
    disable: bool,
) -> None:
    """Say how all are, until they end."""
    with StatusLine(disable=disable) as line:
        while wait(running, timeout=SHOW_EVERY_S).not_done:
            line.show(" | ".join(filter(None, (watch.status() for watch in watches))))


class _StreamWatch:
    """A stream that is being watched in a thread."""

    def __init__(self, detector: Detector, address: str, folder: Path, every: int) -> None:
        self._address = address
        self._detector, self._folder, self._every = detector, folder, every
        self._stream: LiveStream | None = None
        self._report = detector.new_report(address)
        self._state, self._stopped = "", Event()

    def run(self, outputs: Sequence[Output], faults: list[str] | None) -> DetectionReport | None:
        try:
            self._watch(outputs, faults)
        except UserError as error:
            logger.error("%s: %s", self._report.source, error)
            return None
        return self._report

    def _watch(self, outputs: Sequence[Output], faults: list[str] | None) -> None:
        report = self._report
        if self._stopped.is_set():
            return
        with LiveStream(self._address) as stream:
            self._stream, report.opened_utc_s = stream, stream.opened_utc_s
            if self._stopped.is_set():  # meanwhile, so that nobody else closes it
                return
            results = self._detector.stream(stream, report.remarks, self._every)
            with opened(report, self._folder, outputs, faults) as write:
                for result in results:
                    write(result)
                    self._state = TOLD[result.state]

    def stop(self) -> None:
        self._stopped.set()
        if self._stream is not None:
            self._stream.close()

    def status(self) -> str:
        """What goes on, such as `cam1: 15.0 Hz, 0.1 s late, 0 dropped, watching, 1 event`."""
        stream, report = self._stream, self._report
        if stream is None:
            return ""
        rate_hz = report.n_frames / max(report.duration_s, 1.0)
        n_events = len(report.events)
        return (
            f"{self._folder.name}: {rate_hz:.1f} Hz, {stream.delay_s(report.end_s):.1f} s late, "
            f"{stream.n_dropped} dropped, {self._state}, {n_events} event{'s'[: n_events != 1]}"
        )
