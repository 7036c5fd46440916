"""The detector: footage in, events out."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from fgstp import __version__
from fgstp.core.ahead import ahead
from fgstp.core.config import Settings
from fgstp.core.errors import FootageError, UserError
from fgstp.detection.alarms import Alarms
from fgstp.detection.report import DetectionReport
from fgstp.detection.result import Result
from fgstp.detection.seeing import Numbered, Sight, sights
from fgstp.detection.settings import DetectionSettings
from fgstp.detection.states import BLIND
from fgstp.detection.zones import Zones
from fgstp.footage.frame_sources import frames_of, timed_frames
from fgstp.footage.live import LiveStream, is_stream, without_password
from fgstp.footage.timing import DEFAULT_FPS_HZ
from fgstp.footage.video import FrameSource
from fgstp.models.loading import find_model
from fgstp.models.predictor import VideoPredictor
from fgstp.models.session import Session

BATCH_FRAMES = 8  # of files, which do not wait for the next frame
READ_AHEAD_FRAMES = 16


class Detector:
    """Finds gas leaks in footage: where, when, and how surely.

        >>> from fgstp import Detector
        >>> report = Detector("wisp").detect("leak.mkv")
        >>> print(report.sentence())
        leak.mkv: no leak in 4 s (4 s warming up)

    Args:
        model: a model, the name of shipped weights or of an untrained model, a checkpoint, or an
            exported file.
        settings: everything that decides which events are found in the maps of the model.
        zones: what is watched and what is ignored.
        device: where a model works that is given by its name: `cpu`, `cuda`, `cuda:1`, or `auto`,
            a GPU if there is one.
        size: height and width of the pictures that the settings are for; None for any.

    Attributes:
        model: the model.
        settings: see above.
        zones: see above.

    Raises:
        UserError: there is no such model or device, or the model needs a mask.
    """

    def __init__(
        self,
        model: VideoPredictor | Path | str = "wisp",
        settings: DetectionSettings | None = None,
        zones: Zones | None = None,
        device: str = "auto",
        size: tuple[int, int] | None = None,
    ) -> None:
        self.model = find_model(model, device) if isinstance(model, (str, Path)) else model
        if self.model.prompt_kind != "none":
            raise UserError(
                f"{self.model.name} is given a mask of the gas, so that it cannot detect it; use "
                "a model without a prompt, such as wisp."
            )
        self.settings = settings or DetectionSettings()
        self.zones = zones or Zones()
        self.size = size
        self._fingerprint = self.model.fingerprint  # once, since large weights take long

    def facts(self) -> dict[str, Any]:
        """All that decides what is found in given footage, as plain values."""
        settings = self.model.settings
        return {
            "version": __version__,
            "model": self.model.name,
            "model_settings": (
                settings.model_dump(mode="json") if isinstance(settings, Settings) else settings
            ),
            "weights": self._fingerprint,
            "settings": self.settings.model_dump(mode="json"),
            "zones": self.zones.model_dump(mode="json"),
            "size": self.size,
        }

    def new_report(self, source: Path | str) -> DetectionReport:
        """An empty report of footage, for `DetectionReport.take`; it tells no password."""
        name = without_password(str(source))
        return DetectionReport(name, self.model.name, self._fingerprint, self.settings)

    def detect(
        self, source: Path | str, every: int = 1, fps_hz: float | None = None
    ) -> DetectionReport:
        """Watch a video to its end.

        Args:
            source: a video file, a TIFF stack, or a folder of pictures.
            every: every n-th frame is watched, from the first; times stay true.
            fps_hz: true frame rate of pictures, or of a file that states another one.

        Raises:
            FootageError: it cannot be read.
        """
        report = self.new_report(source)
        for result in self.stream(source, report.remarks, every, fps_hz):
            report.take(result)
        return report

    def stream(
        self,
        source: Path | str | LiveStream,
        remarks: list[str] | None = None,
        every: int = 1,
        fps_hz: float | None = None,
    ) -> Iterator[Result]:
        """Watch a video or a camera frame by frame, in constant memory.

        Frames are read, predicted and concluded from in three threads, each some frames ahead of
        the next.

        Args:
            source: as for `detect`; or the address of a stream, such as `rtsp://camera/1`, the
                number of a camera, or a stream that is open.
            remarks: gets what is odd about the footage, once its end is reached.
            every: as for `detect`.
            fps_hz: as for `detect`; streams have times of their own.

        Yields:
            A result for each frame, in order, some frames later than it is read. Of a stream
            without a signal, one a second. The last one ends all events.

        Raises:
            FootageError: it cannot be read.
        """
        found = [] if remarks is None else remarks
        if isinstance(source, str) and is_stream(source):
            source = LiveStream(source)
        results = (
            self._of_stream(source, found, every)
            if isinstance(source, LiveStream)
            else self._of_file(frames_of(Path(source), fps_hz), found, every)
        )
        n_results = 0
        for result in results:
            n_results += 1
            yield result
        if not n_results and not (isinstance(source, LiveStream) and source.is_endless):
            why = "".join(f"; {each}" for each in found)
            raise FootageError(f"it holds no frame that can be decoded; copy it again{why}")

    def _of_stream(self, source: LiveStream, remarks: list[str], every: int) -> Iterator[Result]:
        with source:
            numbered = ((number, *frame) for number, frame in enumerate(source))
            yield from self._results(numbered, source.fps_hz, 1, every)
        remarks += source.remarks()

    def _of_file(self, footage: FrameSource, remarks: list[str], every: int) -> Iterator[Result]:
        fps_hz = footage.fps_hz()
        if fps_hz is None:
            fps_hz = DEFAULT_FPS_HZ
            remarks.append(f"frame rate unknown, taken as {fps_hz:g} Hz; state it by --fps")
        frames = ahead(_timed(footage, fps_hz, remarks), READ_AHEAD_FRAMES)
        yield from self._results(frames, fps_hz, BATCH_FRAMES, every)

    def _results(
        self, frames: Iterable[Numbered], fps_hz: float, batch_frames: int, every: int
    ) -> Iterator[Result]:
        """Results of all frames, one frame behind, so that the last one can end all events."""

        def begin(height: int, width: int) -> Session:
            _check_size((height, width), self.size)
            return self.model.session(height, width, fps_hz / every, batch_frames=batch_frames)

        watched = islice(frames, None, None, every)
        alarms: Alarms | None = None
        last: Result | None = None
        for sight in ahead(sights(watched, self.settings.states, begin), BATCH_FRAMES):
            alarms = alarms or self._alarms(sight.frame.shape)
            result = _result(sight, alarms)
            if last is not None:
                yield last
            last = result
        if alarms is not None and last is not None:
            last.changes.extend(alarms.forget())
            yield last

    def _alarms(self, size: tuple[int, ...]) -> Alarms:
        height, width = size
        return Alarms((height, width), self.settings, self.zones.watched((height, width)))


def _result(sight: Sight, alarms: Alarms) -> Result:
    """What is known of a frame, once its map is heard."""
    prediction, state = sight.prediction, sight.state
    nothing = np.zeros(sight.frame.shape, np.float32)
    probability = nothing if prediction is None else prediction.map
    changes = alarms.watch(probability, sight.time_s, state)
    return Result(
        sight.number,
        sight.time_s,
        sight.frame,
        probability,
        0.0 if prediction is None else prediction.score,
        state,
        alarms.region & (state not in BLIND),
        alarms.events,
        changes,
        float(alarms.evidence.max()),
    )


def _check_size(size: tuple[int, ...], wanted: tuple[int, int] | None) -> None:
    if wanted is not None and size != wanted:
        now, calibrated = (f"{width} x {height}" for height, width in (size, wanted))
        raise FootageError(
            f"its pictures have {now} pixels, but the calibration is of {calibrated}; calibrate "
            "on footage of this size"
        )


def _timed(footage: FrameSource, fps_hz: float, remarks: list[str]) -> Iterator[Numbered]:
    for number, levels, time_s in timed_frames(footage, remarks):
        yield number, levels, number / fps_hz if time_s is None else time_s
