"""The packets of a video file: when its frames are shown, and what is missing, before decoding."""

import re
import struct
from array import array
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from av.container import InputContainer
from av.format import Flags
from av.packet import Packet
from av.video.stream import VideoStream

from fgstp.core.errors import FootageError
from fgstp.footage.check_sums import CheckSums
from fgstp.footage.timing import DEFAULT_FPS_HZ, Timing

CUT_OFF_TOLERANCE = 0.01  # of a video that may be missing at its end
AVI_CHUNK_HEADER = 8  # bytes before a packet
ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")  # of the file, in its header
ASF_HEADER_BYTES, ASF_TIMES_AT = 2**16, 64
# The delay of a picture, and the picture that follows.
GIF_PICTURE = re.compile(rb"\x21\xf9\x04.(..).\x00\x2c", re.DOTALL)
GIF_DELAY = 10  # hundredths of a second: what players take for less than 2
GIF_END_BYTES = 64


class Scan(NamedTuple):
    """What the packets of a file say, before any is decoded.

    Attributes:
        timing: times of all frames.
        start: time stamp of the first; None if stamps do not tell which frame is which.
        remarks: what is missing.
    """

    timing: Timing
    start: int | None
    remarks: list[str]


def scan_packets(path: Path, container: InputContainer, stream: VideoStream) -> Scan:
    """Read all packets of an open file.

    Raises:
        FootageError: it breaks off before the end that it states.
    """
    tally = _Tally(container, stream)
    for packet in packets(container, stream):
        tally.take(packet)
    return tally.scan(path)


class _Tally:
    """What the packets of a file have told so far."""

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self.container, self.stream, self.codec = container, stream, stream.codec_context
        self.kind = self.codec.name
        # AVI knows the order of decoding only, which is another if frames refer to later ones.
        self.is_counted = container.format.name == "avi" and bool(self.codec.has_b_frames)
        self.stamps, self.is_known = array("q"), not _has(container, Flags.no_timestamps)
        self.index = _avi_index(container, stream)
        self.end_stamp = self.end_bytes = self.n_merged = self.n_indexed = 0
        self.other_end_s, self.check_sums = 0.0, CheckSums()

    def take(self, packet: "Packet[Any]") -> None:
        self.end_bytes = (packet.pos or 0) + packet.size
        if packet.stream is not self.stream:
            self.other_end_s = max(self.other_end_s, _end_s(packet))
        elif not packet.is_discard:
            stamp = packet.dts if self.is_counted else packet.pts
            self.is_known = self.is_known and stamp is not None
            self.stamps.append(stamp or 0)
            self.end_stamp = max(self.end_stamp, (stamp or 0) + (packet.duration or 0))
            if self.kind == "gif":
                self.n_merged += len(_merged_delays(packet))
            self.n_indexed += packet.pos in self.index
            if self.kind == "ffv1":
                self.check_sums.take(bytes(packet))

    def scan(self, path: Path) -> Scan:
        stream, stamps, container = self.stream, self.stamps, self.container
        rate_hz = float(stream.average_rate or stream.guessed_rate or 0) or None
        ends = [*_missing_end(path, container, self.end_bytes)]
        remarks = [*self.check_sums.remarks(), *_other_videos(container, stream)]
        if self.n_merged:
            remarks.append(f"{self.n_merged} of its pictures are lost in damaged ones before them")
        if not self.is_known:
            timing = Timing.even(len(stamps), rate_hz or DEFAULT_FPS_HZ)
            return Scan(timing, None, [*ends, *remarks])
        start = min(stamps, default=0)
        timing = Timing.of((np.sort(stamps) - start) * time_s(1, stream), rate_hz)
        own_end_s = max(timing.end_s, time_s(self.end_stamp - start, stream))
        end_s = max(own_end_s + max(0, time_s(start, stream)), self.other_end_s)
        ends += _shortage(path, container, stream, end_s, 1 / timing.fps_hz)
        if ends or self.n_merged:
            timing = replace(timing, lost="somewhere" if self._is_unsure() else "end")
        return Scan(timing, None if self.is_counted else start, [*ends, *remarks])

    def _is_unsure(self) -> bool:
        """Whether a lost frame may have changed the times of those after it."""
        match self.container.format.name:
            case "avi":
                return self.n_indexed < len(self.stamps)
            case "gif":
                return True
        return False


def video_streams(container: InputContainer) -> list[VideoStream]:
    """Streams of moving pictures, not of a cover."""
    cover = av.stream.Disposition.attached_pic
    return [each for each in container.streams.video if not each.disposition & cover]


def _other_videos(container: InputContainer, stream: VideoStream) -> Iterator[str]:
    """A remark if one of several videos was taken."""
    streams = video_streams(container)
    if len(streams) > 1:
        context = stream.codec_context
        yield (
            f"it holds {len(streams)} videos, of which number {streams.index(stream) + 1} was "
            f"taken, {context.width} x {context.height}"
        )


def _shortage(
    path: Path, container: InputContainer, stream: VideoStream, end_s: float, frame_s: float
) -> Iterator[str]:
    """A remark if a file ends before the end that it states."""
    stated_s = (container.duration or 0) / 1e6
    if container.format.name == "avi":  # whose duration is guessed from its size
        stated_s = time_s(stream.frames, stream)
    elif container.format.name == "asf":
        stated_s = stated_s or _asf_duration_s(path)
    told = f"says that it lasts {stated_s:.2f} s, but ends after {end_s:.2f} s"
    is_short = stated_s - end_s > max(2 * frame_s, CUT_OFF_TOLERANCE * stated_s)
    if is_short and container.format.name != "asf":
        raise FootageError(f"{path.name} {told}: it is truncated or damaged; copy it again")
    if stated_s - end_s > 0.75 * frame_s:
        yield f"it {told}: it may be truncated"


def _missing_end(path: Path, container: InputContainer, end_bytes: int) -> Iterator[str]:
    """A remark if the end of a file is missing, in formats that do not state their length."""
    size_bytes = path.stat().st_size
    match container.format.name:
        case "mpegts":
            is_cut_off = all(size_bytes % packet_bytes for packet_bytes in (188, 192, 204))
        case "yuv4mpegpipe":
            is_cut_off = end_bytes < size_bytes
        case "gif":
            with path.open("rb") as file:
                file.seek(-min(size_bytes, GIF_END_BYTES), 2)
                is_cut_off = not file.read().rstrip(b"\0\r\n").endswith(b";")
        case _:
            is_cut_off = False
    if is_cut_off:
        yield "its end is incomplete: it may be truncated"


def _asf_duration_s(path: Path) -> float:
    """What the header of a file of Windows Media states, also of one that is cut off."""
    with path.open("rb") as file:
        header = file.read(ASF_HEADER_BYTES)
    at = header.find(ASF_PROPERTIES) + ASF_TIMES_AT
    if at < ASF_TIMES_AT or len(header) < at + 24:
        return 0.0
    shown, _, preroll = struct.unpack_from("<QQQ", header, at)
    return float(shown / 1e7 - preroll / 1e3)


def packets(container: InputContainer, stream: VideoStream) -> "Iterator[Packet[Any]]":
    """All packets; a file that cannot be read further ends there."""
    stamps = _avi_index(container, stream)
    may_restart = _has(container, Flags.ts_discont)  # files put one after the other
    is_gif = container.format.name == "gif"
    demuxed, shift, next_stamp = container.demux(), 0, None
    while True:
        try:
            packet = next(demuxed, None)
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
            next_stamp = read + shift + duration
        if shift and packet.stream is stream and shown is not None and read is not None:
            packet.pts, packet.dts = shown + shift, read + shift
        if is_gif:
            shift += sum(_merged_delays(packet))
        yield packet


def _avi_index(container: InputContainer, stream: VideoStream) -> dict[int, int]:
    """Time stamps by position, from the index of AVI, whose packets are only counted otherwise."""
    if container.format.name != "avi":
        return {}
    return {entry.pos + AVI_CHUNK_HEADER: entry.timestamp for entry in stream.index_entries}


def _merged_delays(packet: "Packet[Any]") -> list[int]:
    """Delays of the GIF pictures that were merged into one, by damage that hid where they begin."""
    delays = [int.from_bytes(delay, "little") for delay in GIF_PICTURE.findall(bytes(packet))]
    return [delay if delay > 1 else GIF_DELAY for delay in delays[1:]]


def _has(container: InputContainer, flag: Flags) -> bool:
    return flag in Flags(container.format.flags)


def time_s(stamp: int, stream: VideoStream) -> float:
    """Seconds of a time stamp."""
    return float(stamp * (stream.time_base or 0))


def _end_s(packet: "Packet[Any]") -> float:
    """Time at which a packet of sound ends."""
    start = packet.stream.start_time or 0
    stamp = start if packet.pts is None else packet.pts
    return float((stamp - start + (packet.duration or 0)) * packet.time_base)
