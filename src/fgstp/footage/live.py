"""Cameras and network streams: the newest frames, whatever happens to the connection."""

import logging
import re
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray
from pydantic import Field

from fgstp.core.config import Settings
from fgstp.core.errors import FootageError
from fgstp.footage.grey import GreySpan, measure_span, to_levels
from fgstp.footage.settings import SpanSettings
from fgstp.footage.timing import DEFAULT_FPS_HZ
from fgstp.footage.video_packets import time_s, video_streams
from fgstp.footage.video_pictures import VideoPictures

ADDRESS = re.compile(r"(rtsps?|https?|rtmps?|tcp|udp|srt)://.+", re.IGNORECASE)
UNTIMED = frozenset({"mpjpeg", "mjpeg", "image2pipe"})  # formats whose time stamps are made up
MOST_SKEW_S = 30.0  # between time stamps and arrival; segments arrive many seconds at a time
ENDED = "it ended"
SAMPLED_FRAMES = 1000  # eight of which are looked at for colour

logger = logging.getLogger(__name__)


class StreamSettings(Settings):
    """How a stream is read.

    Attributes:
        timeout_s: time without a sign of life after which a connection counts as lost.
        first_wait_s: time until the first attempt to connect again; it doubles with each.
        longest_wait_s: longest time between two attempts.
        buffer_frames: frames that may wait to be processed; beyond that the oldest are dropped.
    """

    timeout_s: float = Field(10.0, gt=0, le=3600)
    first_wait_s: float = Field(1.0, gt=0, le=3600)
    longest_wait_s: float = Field(30.0, gt=0, le=86_400)
    buffer_frames: int = Field(64, ge=1, le=10_000)


class LiveFrame(NamedTuple):
    """A frame of a stream, or a second without one.

    Attributes:
        levels: (H, W) uint8 grey levels; None while there is no picture.
        time_s: seconds since the stream was first opened.
    """

    levels: NDArray[np.uint8] | None
    time_s: float


class LiveStream:
    """Frames of a camera or of a network stream, as they come.

    Another thread decodes, so that a slow reader gets the newest frames and never falls behind. A
    lost connection is opened again, with growing pauses, until `close`. Times are those that the
    stream states, put on the clock of this machine at each connection; streams of single JPEGs
    state none, and have those of their arrival. 16 bits are mapped to 8 by one range for the whole
    stream, from its first frame.

    A file at an address, which has an end, is read to it, without a loss.

    Args:
        address: an address such as `rtsp://camera/1`, or the number of a camera of this machine.
        settings: how it is read.

    Attributes:
        address: the address, without a password.
        n_frames: frames that were decoded.
        n_dropped: frames of these that nobody took in time.
        n_lost: times that the connection was lost.
        opened_utc_s: seconds since 1970 at which it was first opened, time 0 of its frames.
        fps_hz: frame rate that it states.
        is_endless: whether it is no file with an end.

    Raises:
        FootageError: it cannot be opened.
    """

    def __init__(self, address: str, settings: StreamSettings | None = None) -> None:
        self.address, self._opened_name = without_password(address), address
        self.settings = settings or StreamSettings()
        self.n_frames = self.n_dropped = self.n_lost = 0
        self._buffer: deque[LiveFrame] = deque()
        self._changed = threading.Condition()
        self._is_closed = threading.Event()
        self._has_ended = False
        self._pictures = VideoPictures(SAMPLED_FRAMES)
        self._span: GreySpan | None = None
        self._last_s, self._wait_s = -1.0, self.settings.first_wait_s
        container = self._connect()
        self.is_endless = not container.duration
        stream = video_streams(container)[0]
        self.fps_hz = float(stream.average_rate or stream.guessed_rate or DEFAULT_FPS_HZ)
        self._opened_s, self.opened_utc_s = time.monotonic(), time.time()
        self._thread = threading.Thread(target=self._read, args=(container,), daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[LiveFrame]:
        """Yield frames in the order of time; while there is none, a `LiveFrame` each second."""
        while True:
            with self._changed:
                self._changed.wait_for(self._is_ready, timeout=1.0)
                if self._buffer:
                    frame = self._buffer.popleft()
                    self._changed.notify_all()
                elif self._has_ended or self._is_closed.is_set():
                    return
                else:
                    frame = LiveFrame(None, self._now_s())
            if frame.time_s > self._last_s:
                self._last_s = frame.time_s
                yield frame
            elif frame.levels is not None:  # it was on its way while there was said to be none
                self.n_dropped += 1

    def delay_s(self, time_s: float) -> float:
        """Time that has passed since a frame of this time."""
        return max(0.0, self._now_s() - time_s)

    def remarks(self) -> list[str]:
        """What was odd about the stream so far."""
        found = list(self._pictures.remarks)
        if self.n_dropped:
            found.append(f"{self.n_dropped} of {self.n_frames} frames were dropped")
        if self.n_lost:
            found.append(f"the connection was lost {self.n_lost} times")
        return found

    def close(self) -> None:
        """End the stream; the thread ends when the connection lets it."""
        self._is_closed.set()
        with self._changed:
            self._changed.notify_all()

    def __enter__(self) -> "LiveStream":
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def _is_ready(self) -> bool:
        return bool(self._buffer) or self._has_ended or self._is_closed.is_set()

    def _now_s(self) -> float:
        return time.monotonic() - self._opened_s

    def _connect(self) -> InputContainer:
        name, kind, options = _opening(self._opened_name)
        try:
            container = av.open(name, format=kind, options=options, timeout=self.settings.timeout_s)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise FootageError(
                f"{self.address} cannot be opened ({self._reason(error)}); check the address, and "
                "whether the camera is on and gives its picture to this machine"
            ) from error
        if not video_streams(container):
            container.close()
            raise FootageError(f"{self.address} sends no video; check the address")
        return container

    def _read(self, container: InputContainer) -> None:
        """Decode until the end: the work of the thread."""
        try:
            reason = self._taken_all(container)
            if not self.is_endless and reason != ENDED:
                self._pictures.remarks.append(
                    f"it broke off after {self.n_frames} frames ({reason})"
                )
            while self.is_endless and not self._is_closed.is_set():
                self.n_lost += 1
                logger.warning(
                    "%s: %s; trying again in %.0f s.", self.address, reason, self._wait_s
                )
                self._is_closed.wait(self._wait_s)
                self._wait_s = min(2 * self._wait_s, self.settings.longest_wait_s)
                reason = self._taken_all(None)
        finally:
            self._has_ended = True
            with self._changed:
                self._changed.notify_all()

    def _taken_all(self, container: InputContainer | None) -> str:
        """Take all frames of one connection; why it ended comes out."""
        try:
            with container or self._connect() as connected:
                self._take_all(connected)
        except (av.FFmpegError, OSError, FootageError) as error:
            return self._reason(error)
        return ENDED

    def _reason(self, error: Exception) -> str:
        if isinstance(error, av.ExitError):  # by which FFmpeg tells of a time-out
            return f"nothing came for {self.settings.timeout_s:g} s"
        return getattr(error, "strerror", None) or str(error)

    def _take_all(self, container: InputContainer) -> None:
        stream = video_streams(container)[0]
        stream.codec_context.thread_count = 1
        is_timed = container.format.name not in UNTIMED
        tick_s, anchor_s = time_s(1, stream), None  # the time of the stamp 0
        for image in container.decode(stream):
            if self._is_closed.is_set():
                return
            if image.is_corrupt:
                continue
            at_s = now_s = self._now_s()
            if is_timed and image.pts is not None:
                stamp_s = image.pts * tick_s
                is_far = anchor_s is None or abs(anchor_s + stamp_s - now_s) > MOST_SKEW_S
                if anchor_s is None or (is_far and self.is_endless):
                    anchor_s = now_s - stamp_s
                at_s = anchor_s + stamp_s
            levels = self._levels(*self._pictures(image, self.n_frames))
            self._put(LiveFrame(levels, at_s))
            self._wait_s = self.settings.first_wait_s

    def _levels(self, counts: NDArray[np.integer], span: GreySpan | None) -> NDArray[np.uint8]:
        if counts.dtype != np.uint8:
            self._span = self._span or measure_span([counts], SpanSettings())[0]
            span = self._span
        levels = np.empty(counts.shape, np.uint8)
        to_levels(np.ascontiguousarray(counts), span, levels)
        return levels

    def _put(self, frame: LiveFrame) -> None:
        with self._changed:
            self.n_frames += 1
            if len(self._buffer) >= self.settings.buffer_frames:
                if self.is_endless:
                    self._buffer.popleft()
                    self.n_dropped += 1
                else:
                    self._changed.wait_for(self._has_room)  # a file waits
            self._buffer.append(frame)
            self._changed.notify_all()

    def _has_room(self) -> bool:
        return len(self._buffer) < self.settings.buffer_frames or self._is_closed.is_set()


def without_password(address: str) -> str:
    """An address as it may be shown: without the user and the password in it."""
    return re.sub(r"^(\w+://)[^/@]*@", r"\1", address)


def is_stream(source: str) -> bool:
    """Whether a source is the address of a stream or the number of a camera, and no file."""
    return bool(ADDRESS.fullmatch(source)) or (source.isdecimal() and not Path(source).exists())


def _opening(address: str) -> tuple[str, str | None, dict[str, str]]:
    """Name, format and options by which FFmpeg opens an address."""
    if not address.isdecimal():
        return (
            address,
            None,
            {"rtsp_transport": "tcp"} if address.lower().startswith("rtsp") else {},
        )
    device = Path(f"/dev/video{address}")
    if not device.exists():
        raise FootageError(f"there is no camera {address} on this machine; {_cameras()}")
    return str(device), "v4l2", {}


def _cameras() -> str:
    numbers = sorted(path.name.removeprefix("video") for path in Path("/dev").glob("video[0-9]*"))
    return f"it has {', '.join(numbers)}" if numbers else "it has none"
