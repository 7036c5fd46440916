"""Video files, decoded by FFmpeg through PyAV: grey frames with their times."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream
from numpy.typing import NDArray

from fgstp.core.errors import FootageError
from fgstp.core.files import check_regular_file
from fgstp.core.fingerprint import content_hash, signature
from fgstp.footage.grey import COLOUR_REMARK, is_coloured, to_grey
from fgstp.footage.pictures import MAX_PIXELS
from fgstp.footage.timing import DEFAULT_FPS_HZ, Timing
from fgstp.footage.video import Frame

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".wmv", ".asf", ".mpg", ".mpeg", ".ts"}
    | {".m2ts", ".mts", ".mxf", ".flv", ".ogv", ".3gp", ".y4m", ".gif"}
)
CUT_OFF_TOLERANCE = 0.01  # of a video that may be missing at its end
COLOUR_SAMPLES = 8  # frames that are looked at for colour
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
        return content_hash([self.path])

    @cached_property
    def timing(self) -> Timing:
        """Times of all frames, of those too that cannot be decoded.

        Raises:
            FootageError: the file cannot be read, or breaks off before its end.
        """
        with self._opened(LENIENT) as (container, stream):
            rate = float(stream.average_rate or stream.guessed_rate or 0) or None
            times = [
                _time_s(packet, stream)
                for packet in _packets(container, stream)
                if not packet.is_discard
            ]
            known = sorted(time for time in times if time is not None)
            if len(known) < len(times):
                return Timing.even(len(times), rate or DEFAULT_FPS_HZ)
            timing = Timing.of(known, rate)
            self._check_whole(container, stream, timing)
            return timing

    def _check_whole(self, container: InputContainer, stream: VideoStream, timing: Timing) -> None:
        stated_s = (container.duration or 0) / 1e6
        if container.format.name == "avi":  # whose duration is guessed from the size of the file
            stated_s = stream.frames / timing.fps_hz
        missing_s = stated_s - timing.end_s
        if missing_s > max(2 / timing.fps_hz, CUT_OFF_TOLERANCE * stated_s):
            raise FootageError(
                f"{self.path.name} says that it lasts {stated_s:.2f} s, but ends after "
                f"{timing.end_s:.2f} s: it is truncated or damaged; copy it again"
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
        timing, to_picture = self.timing, _Pictures(len(self.timing.times_s))
        place, n_frames, error_s = -1, 0, None
        for strictness in (STRICT, LENIENT):
            with self._opened(strictness) as (container, stream):
                for image in _decoded(container, stream, strictness):
                    if image is None:  # a decoding error
                        error_s = timing.times_s[min(place + 1, len(timing.times_s) - 1)]
                        break
                    time_s = _time_s(image, stream)
                    at = place + 1 if time_s is None else timing.place(time_s)
                    if place < at < len(timing.times_s):
                        place, n_frames = at, n_frames + 1
                        yield Frame(to_picture(image, at), time_s=timing.times_s[at], place=at)
                else:
                    break
        lost = len(timing.times_s) - n_frames
        if lost:
            remarks.append(f"{lost} of its {len(timing.times_s)} frames cannot be decoded")
        if error_s is not None:
            remarks.append(f"it is damaged at {error_s:.2f} s: pictures from there on may be wrong")
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
            context.options = options
            context.thread_count = 1  # videos go in parallel, and small frames need no threads
            if context.width * context.height > MAX_PIXELS:
                raise FootageError(
                    f"{self.path.name} is {context.width} x {context.height}, but at most "
                    f"{MAX_PIXELS / 1e6:.0f} million pixels are read; scale it down"
                )
            yield container, streams[0]


def _packets(container: InputContainer, stream: VideoStream) -> "Iterator[Packet[Any]]":
    """All packets of the stream; a file that cannot be read further ends there."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError:
            return
        if packet is None:
            return
        if packet.size:
            yield packet


def _decoded(
    container: InputContainer, stream: VideoStream, strictness: str
) -> Iterator[VideoFrame | None]:
    """Decoded frames in the order of time; None at a decoding error if `strictness` is STRICT."""
    for packet in chain(_packets(container, stream), [None]):  # the last empties the decoder
        images: list[VideoFrame] | list[None]
        try:
            images = stream.decode(packet)
        except av.FFmpegError:
            images = [None] if strictness == STRICT else []
        for image in images:
            if image is None or not image.is_corrupt:
                yield image
            elif strictness == STRICT:
                yield None


def _time_s(timed: "Packet[Any] | VideoFrame", stream: VideoStream) -> float | None:
    """Seconds since the beginning of the video."""
    if timed.pts is None or timed.time_base is None:
        return None
    return float((timed.pts - (stream.start_time or 0)) * timed.time_base)


class _Pictures:
    """Turns the decoded frames of a video into grey pictures of one size and depth.

    Attributes:
        remarks: what was changed.
    """

    def __init__(self, n_frames: int) -> None:
        self.remarks: list[str] = []
        self._every = max(1, n_frames // COLOUR_SAMPLES)
        self._first: NDArray[np.integer] | None = None

    def __call__(self, image: VideoFrame, place: int) -> NDArray[np.integer]:
        """The picture of one frame: (H, W), uint8 or uint16."""
        is_sample = place % self._every == 0 and _has_colour_channels(image)
        if is_sample and is_coloured(_colours(image)):
            self._remark(COLOUR_REMARK)
        grey = _grey(image)
        if turn := round(image.rotation / 90) % 4:
            grey = np.rot90(grey, turn)
            self._remark(f"turned by {360 - 90 * turn} degrees, as the file says")
        if self._first is None:
            self._first = grey
        return self._fitted(grey, self._first.shape, place)

    def _fitted(
        self, grey: NDArray[np.integer], size: tuple[int, ...], place: int
    ) -> NDArray[np.integer]:
        if grey.shape == size:
            return grey
        (height, width), (to_height, to_width) = grey.shape, size
        self._remark(f"its size changes to {width} x {height} and was scaled back")
        scaled = cv2.resize(grey, (to_width, to_height), interpolation=cv2.INTER_AREA)
        return np.asarray(scaled, grey.dtype)

    def _remark(self, sentence: str) -> None:
        if sentence not in self.remarks:
            self.remarks.append(sentence)


def _has_colour_channels(image: VideoFrame) -> bool:
    return len(image.format.components) > 2 or image.format.has_palette


def _grey(image: VideoFrame) -> NDArray[np.integer]:
    """One channel: counts as they are stored, but 8-bit luma of limited range is stretched."""
    kind = image.format
    first = kind.components[0]
    if first.bits > 16:
        raise FootageError(
            f"its pixels have {first.bits} bits, but 8 to 16 are read; convert it to 16"
        )
    is_luma_plane = (kind.is_planar or len(kind.components) == 1) and first.is_luma
    if not is_luma_plane or kind.has_palette or kind.is_big_endian or first.bits < 8:
        return to_grey(_colours(image))
    pixels = np.frombuffer(memoryview(image.planes[0]), "u1" if first.bits == 8 else "<u2")
    luma = pixels.reshape(image.height, -1)[:, : image.width]
    if first.bits > 8 or len(kind.components) == 1 or _is_full_range(image):
        return luma.copy()
    return np.asarray(cv2.LUT(luma, _full_range()))


def _colours(image: VideoFrame) -> NDArray[np.integer]:
    """(H, W, 3) in BGR order, uint8 or uint16."""
    deep = image.format.components[0].bits > 8
    return np.asarray(
        image.to_ndarray(format="bgr48le" if deep else "bgr24"), "<u2" if deep else "u1"
    )


def _is_full_range(image: VideoFrame) -> bool:
    return image.color_range == ColorRange.JPEG or image.format.name.startswith("yuvj")


@cache
def _full_range() -> NDArray[np.uint8]:
    """Grey level of each luma of limited range, which goes from 16 to 235: (256,) uint8."""
    return np.clip(np.rint((np.arange(256) - 16) * 255 / 219), 0, 255).astype(np.uint8)
