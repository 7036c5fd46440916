"""Video files, decoded by FFmpeg through PyAV: grey frames with their times."""

from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from av.container import InputContainer
from av.format import Flags
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from fgstp.core.errors import FootageError
from fgstp.core.files import check_regular_file
from fgstp.core.fingerprint import content_hash, signature
from fgstp.footage.pictures import MAX_PIXELS
from fgstp.footage.timing import DEFAULT_FPS_HZ, Timing
from fgstp.footage.video import Frame
from fgstp.footage.video_pictures import VideoPictures

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".wmv", ".asf", ".mpg", ".mpeg", ".ts"}
    | {".m2ts", ".mts", ".mxf", ".flv", ".ogv", ".3gp", ".y4m", ".gif"}
)
CUT_OFF_TOLERANCE = 0.01  # of a video that may be missing at its end
AVI_CHUNK_HEADER = 8  # bytes before a packet
STRICT, LENIENT = "crccheck+explode", "crccheck"


@dataclass(frozen=True)
class VideoFile:
    """A video file of any kind that FFmpeg decodes; 8 to 16 bits, grey or colour.

    Frames have the times that the file gives them. What a player would do too is done and
    remarked: frames are turned as the file says, scaled to the size of the first, and left out
    where they cannot be decoded.

    Attributes:
        path: the file.
    """

    path: Path

    def n_frames_hint(self) -> int | None:
        """Number of frames that the container states, or that its duration implies."""
        with self._opened(LENIENT) as (container, stream):
            if stream.frames > 0:
                return int(stream.frames)
            duration_s = (container.duration or 0) / 1e6
            return round(duration_s * float(stream.average_rate or 0)) or None

    def fps_hz(self) -> float | None:
        """Frame rate of most frames, measured from their times."""
        return self.timing.fps_hz

    def signature(self) -> str:
        """Hash of name, size and time of change."""
        return signature([self.path])

    def content_hash(self) -> str:
        """SHA-256 of the file."""
        check_regular_file(self.path)
        return content_hash([self.path])

    @property
    def timing(self) -> Timing:
        """Times of all frames, of those too that cannot be decoded.

        Raises:
            FootageError: the file cannot be read, or breaks off before its end.
        """
        return self._scan.timing

    @cached_property
    def _scan(self) -> "_Scan":
        with self._opened(LENIENT) as (container, stream):
            rate_hz = float(stream.average_rate or stream.guessed_rate or 0) or None
            # AVI knows the order of decoding only, which is another if frames refer to later ones.
            is_avi, other_end_s, end_bytes = container.format.name == "avi", 0.0, 0
            is_counted = is_avi and bool(stream.codec_context.has_b_frames)
            stamps, is_known = array("q"), not _has(container, Flags.no_timestamps)
            for packet in _packets(container, stream):
                end_bytes = (packet.pos or 0) + packet.size
                if packet.stream is not stream:
                    other_end_s = max(other_end_s, _end_s(packet))
                elif not packet.is_discard:
                    stamp = packet.dts if is_counted else packet.pts
                    is_known = is_known and stamp is not None
                    stamps.append(stamp or 0)
            is_cut_off = self._is_cut_off(container, end_bytes)
            if not is_known:
                timing = Timing.even(len(stamps), rate_hz or DEFAULT_FPS_HZ)
                return _Scan(timing, None, is_cut_off)
            start = min(stamps, default=0)
            times_s = (np.sort(stamps) - start) * _time_s(1, stream)
            timing = Timing.of(times_s, rate_hz)
            stated_s = (container.duration or 0) / 1e6  # since 0 in some formats, else since start
            if is_avi:  # whose duration is guessed from its size
                stated_s = _time_s(stream.frames, stream)
            end_s = max(timing.end_s + max(0, _time_s(start, stream)), other_end_s)
            self._check_whole(stated_s, end_s, timing)
            return _Scan(timing, None if is_counted else start, is_cut_off)

    def _is_cut_off(self, container: InputContainer, end_bytes: int) -> bool:
        """Whether the end of a file is missing, in formats that do not state their length."""
        size_bytes = self.path.stat().st_size
        match container.format.name:
            case "asf":
                return container.duration is None
            case "mpegts":
                return all(size_bytes % packet_bytes for packet_bytes in (188, 192, 204))
            case "yuv4mpegpipe":
                return end_bytes < size_bytes
            case "gif":
                with self.path.open("rb") as file:
                    file.seek(-1, 2)
                    return file.read() != b";"
        return False

    def _check_whole(self, stated_s: float, end_s: float, timing: Timing) -> None:
        if stated_s - end_s > max(2 / timing.fps_hz, CUT_OFF_TOLERANCE * stated_s):
            raise FootageError(
                f"{self.path.name} says that it lasts {stated_s:.2f} s, but ends after "
                f"{end_s:.2f} s: it is truncated or damaged; copy it again"
            )

    def frames(self, remarks: list[str]) -> Iterator[Frame]:
        """Decode all frames, (H, W) uint8 or uint16, in the order of time.

        A decoding error makes a picture that only looks like a frame, and spoils those that refer
        to it. So frames are decoded strictly up to the first error, and as a player does after it.

        Args:
            remarks: gets what a reader of the video table should know, once the end is reached.

        Raises:
            FootageError: the file cannot be read, or no frame of it can be decoded.
        """
        (timing, start, is_cut_off), n_frames, place, error_s = self._scan, 0, -1, None
        to_picture = VideoPictures(len(timing.times_s))
        if not len(timing.times_s):
            return
        for strictness in (STRICT, LENIENT):
            with self._opened(strictness) as (container, stream):
                at, tick_s = -1, _time_s(1, stream)
                for image in _decoded(container, stream):
                    if start is not None and image is not None and image.pts is not None:
                        at = timing.place((image.pts - start) * tick_s)
                    else:
                        at += 1
                    if image is None and strictness == STRICT:
                        error_s = timing.times_s[min(place + 1, len(timing.times_s) - 1)]
                        break
                    if image is not None and place < at < len(timing.times_s):
                        place, n_frames = at, n_frames + 1
                        counts, span = to_picture(image, at)
                        yield Frame(counts, time_s=timing.times_s[at], place=at, span=span)
                else:
                    break
        lost = len(timing.times_s) - n_frames
        if lost:
            remarks.append(f"{lost} of its {len(timing.times_s)} frames cannot be decoded")
        if error_s is not None:
            remarks.append(f"it is damaged at {error_s:.2f} s: pictures from there on may be wrong")
        if is_cut_off:
            remarks.append("its end is incomplete: it may be truncated")
        remarks += [*timing.remarks(), *to_picture.remarks]

    @contextmanager
    def _opened(self, strictness: str) -> Iterator[tuple[InputContainer, VideoStream]]:
        """The open file and its first video stream, to be read from the beginning."""
        check_regular_file(self.path)
        options = {"err_detect": strictness}
        try:
            # The prefix keeps a colon in a name from being read as a protocol.
            container = av.open(f"file:{self.path}", options=options)
        except (av.FFmpegError, UnicodeEncodeError) as error:
            raise FootageError(
                f"{self.path.name} cannot be opened as a video: it is truncated, damaged or "
                "of a kind that FFmpeg does not know; copy it again or convert it"
            ) from error
        with container:
            cover = av.stream.Disposition.attached_pic
            streams = [each for each in container.streams.video if not each.disposition & cover]
            if not streams:
                raise FootageError(f"{self.path.name} holds sound or data, but no video; remove it")
            context = streams[0].codec_context
            context.options = options | {"max_pixels": str(MAX_PIXELS)}
            context.thread_count = 1  # videos go in parallel, and small frames need no threads
            if context.width * context.height > MAX_PIXELS:
                raise FootageError(
                    f"{self.path.name} is {context.width} x {context.height}, but at most "
                    f"{MAX_PIXELS / 1e6:.0f} million pixels are read; scale it down"
                )
            yield container, streams[0]


class _Scan(NamedTuple):
    """What the packets of a file say, before any is decoded.

    Attributes:
        timing: times of all frames.
        start: time stamp of the first; None if stamps do not tell which frame is which.
        is_cut_off: whether the end seems to be missing.
    """

    timing: Timing
    start: int | None
    is_cut_off: bool


def _packets(container: InputContainer, stream: VideoStream) -> "Iterator[Packet[Any]]":
    """All packets; a file that cannot be read further ends there."""
    stamps: dict[int, int] = {}
    if container.format.name == "avi":  # whose packets are counted, but for the index at its end
        stamps = {entry.pos + AVI_CHUNK_HEADER: entry.timestamp for entry in stream.index_entries}
    may_restart = _has(container, Flags.ts_discont)  # files put one after the other
    packets, shift, next_stamp = container.demux(), 0, None
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError:
            return
        if packet is None:
            return
        if not packet.size:
            continue
        if packet.pos in stamps:
            packet.pts = packet.dts = stamps[packet.pos]
        shown, read, duration = packet.pts, packet.dts, packet.duration or 0
        if may_restart and packet.stream is stream and shown is not None and read is not None:
            if next_stamp is not None and read + shift < next_stamp - duration:
                shift = next_stamp - read
            packet.pts, packet.dts = shown + shift, read + shift
            next_stamp = read + shift + duration
        yield packet


def _has(container: InputContainer, flag: Flags) -> bool:
    return flag in Flags(container.format.flags)


def _decoded(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame | None]:
    """Decoded frames in the order of time; None where something cannot be decoded rightly."""
    own = (packet for packet in _packets(container, stream) if packet.stream is stream)
    for packet in chain(own, [None]):  # the last empties the decoder
        if packet is not None and packet.is_corrupt:
            yield None
        try:
            images = stream.decode(packet)
        except av.FFmpegError:
            yield None
            continue
        for image in images:
            yield None if image.is_corrupt else image


def _time_s(stamp: int, stream: VideoStream) -> float:
    return float(stamp * (stream.time_base or 0))


def _end_s(packet: "Packet[Any]") -> float:
    """Time at which a packet of sound ends."""
    start = packet.stream.start_time or 0
    stamp = start if packet.pts is None else packet.pts
    return float((stamp - start + (packet.duration or 0)) * packet.time_base)
