"""Video files, decoded by FFmpeg through PyAV: grey frames with their times."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from fgstp.core.errors import FootageError
from fgstp.core.files import check_regular_file
from fgstp.core.fingerprint import content_hash, signature
from fgstp.footage.grey import sampling_step
from fgstp.footage.picture_files import MAX_PIXELS
from fgstp.footage.timing import Timing
from fgstp.footage.video import Frame
from fgstp.footage.video_packets import Scan, packets, scan_packets, time_s, video_streams
from fgstp.footage.video_pictures import VideoPictures
from fgstp.footage.video_samples import key_frames, reaches_key_frames

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".wmv", ".asf", ".mpg", ".mpeg", ".ts"}
    | {".m2ts", ".mts", ".mxf", ".flv", ".ogv", ".3gp", ".y4m", ".gif", ".apng", ".qt", ".divx"}
    | {".vob", ".m2t", ".mpe", ".mk3d", ".ogm", ".3g2", ".f4v", ".nut", ".ivf", ".dv"}
)
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
    def _scan(self) -> Scan:
        with self._opened(LENIENT) as (container, stream):
            return scan_packets(self.path, container, stream)

    def frames(self, remarks: list[str]) -> Iterator[Frame]:
        """Decode all frames, (H, W) uint8 or uint16, in the order of time.

        A decoding error makes a picture that only looks like a frame, and spoils those that refer
        to it. So frames are decoded strictly up to the first error, and as a player does after it.

        Args:
            remarks: gets what a reader of the video table should know, once the end is reached.

        Raises:
            FootageError: the file cannot be read, or no frame of it can be decoded.
        """
        (timing, start, found), n_frames, place, error_s = self._scan, 0, -1, None
        n_same = 0
        to_picture = VideoPictures(len(timing.times_s))
        if not len(timing.times_s):
            return
        for strictness in (STRICT, LENIENT):
            with self._opened(strictness) as (container, stream):
                at, tick_s = -1, time_s(1, stream)
                for image in _decoded(container, stream):
                    if start is not None and image is not None and image.pts is not None:
                        at = timing.place((image.pts - start) * tick_s)
                    else:
                        at += 1
                    if image is None and strictness == STRICT:
                        error_s = timing.times_s[min(place + 1, len(timing.times_s) - 1)]
                        break
                    n_same += strictness == STRICT and at == place
                    if image is not None and place < at < len(timing.times_s):
                        place, n_frames = at, n_frames + 1
                        counts, span = to_picture(image, at)
                        yield Frame(counts, time_s=timing.times_s[at], place=at, span=span)
                else:
                    break
        lost = len(timing.times_s) - n_frames
        if lost:
            remarks.append(f"{lost} of its {len(timing.times_s)} frames cannot be decoded")
        if n_same:
            remarks.append(f"{n_same} of its frames have the time of another, and are left out")
        if error_s is not None:
            remarks.append(f"it is damaged at {error_s:.2f} s: pictures from there on may be wrong")
        remarks += [*found, *timing.remarks(), *to_picture.remarks]

    def sample(self, n_frames: int) -> Iterator[NDArray[np.integer]]:
        """Key frames spread evenly, if seeking finds enough; else of all frames as many."""
        (timing, start, _), size = self._scan, len(self.timing.times_s)
        step = sampling_step(size, n_frames)
        if step > 1 and start is not None:
            with self._opened(LENIENT) as (container, stream):
                to_picture, tick_s = VideoPictures(size), time_s(1, stream)
                stamps = [start + round(time / tick_s) for time in timing.times_s[::step]]
                if reaches_key_frames(container, stream, stamps):
                    for image in key_frames(container, stream, stamps):
                        yield to_picture(image, 0)[0]
                    return
        for frame in islice(self.frames([]), None, None, step):
            yield frame.counts

    @contextmanager
    def _opened(self, strictness: str) -> Iterator[tuple[InputContainer, VideoStream]]:
        """The open file and its first video stream, to be read from the beginning."""
        check_regular_file(self.path)
        options = {"err_detect": strictness}
        try:
            # The prefix keeps a colon in a name from being read as a protocol.
            name = f"file:{self.path}"
            container = av.open(name, options=options, metadata_errors="replace")
        except (av.FFmpegError, UnicodeEncodeError) as error:
            raise FootageError(
                f"{self.path.name} cannot be opened as a video: it is truncated, damaged or "
                "of a kind that FFmpeg does not know; copy it again or convert it"
            ) from error
        with container:
            stream = self._video_stream(container)
            context = stream.codec_context
            context.options = options | {"max_pixels": str(MAX_PIXELS)}
            context.thread_count = 1  # videos go in parallel, and small frames need no threads
            if context.width * context.height > MAX_PIXELS:
                raise FootageError(
                    f"{self.path.name} is {context.width} x {context.height}, but at most "
                    f"{MAX_PIXELS / 1e6:.0f} million pixels are read; scale it down"
                )
            yield container, stream

    def _video_stream(self, container: InputContainer) -> VideoStream:
        """The first stream that is a video and can be decoded."""
        streams = video_streams(container)
        if not streams:
            raise FootageError(f"{self.path.name} holds sound or data, but no video; remove it")
        known = [each for each in streams if each.codec_context]
        if not known:
            raise FootageError(
                f"{self.path.name} is coded in a way that FFmpeg does not know; convert it"
            )
        return known[0]


def _decoded(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame | None]:
    """Decoded frames in the order of time; None where something cannot be decoded rightly."""
    own = (packet for packet in packets(container, stream) if packet.stream is stream)
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
