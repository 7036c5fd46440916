"""The packets of a video file: when its frames are shown, and what is missing, before decoding."""

import re
import struct
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from av.container import InputContainer
from av.format import Flags
from av.packet import Packet
from av.video.stream import VideoStream

from fgstp.core.errors import FootageError
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
    rate_hz = float(stream.average_rate or stream.guessed_rate or 0) or None
    # AVI knows the order of decoding only, which is another if frames refer to later ones.
    is_counted = container.format.name == "avi" and bool(stream.codec_context.has_b_frames)
    stamps, is_known = array("q"), not _has(container, Flags.no_timestamps)
    end_stamp = end_bytes = n_merged = 0
    other_end_s = 0.0
    for packet in packets(container, stream):
        end_bytes = (packet.pos or 0) + packet.size
        if packet.stream is not stream:
            other_end_s = max(other_end_s, _end_s(packet))
        elif not packet.is_discard:
            stamp = packet.dts if is_counted else packet.pts
            is_known = is_known and stamp is not None
            stamps.append(stamp or 0)
            end_stamp = max(end_stamp, (stamp or 0) + (packet.duration or 0))
            n_merged += len(_merged_delays(packet))
    remarks = [*_missing_end(path, container, end_bytes), *_other_videos(container, stream)]
    if n_merged:
        remarks.append(f"{n_merged} of its pictures are lost in damaged ones before them")
    if not is_known:
        return Scan(Timing.even(len(stamps), rate_hz or DEFAULT_FPS_HZ), None, remarks)
    start = min(stamps, default=0)
    timing = Timing.of((np.sort(stamps) - start) * time_s(1, stream), rate_hz)
    end_s = max(timing.end_s, time_s(end_stamp - start, stream)) + max(0, time_s(start, stream))
    remarks += _shortage(path, container, stream, max(end_s, other_end_s), 1 / timing.fps_hz)
    return Scan(timing, None if is_counted else start, remarks)


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
    stamps: dict[int, int] = {}
    if container.format.name == "avi":  # whose packets are counted, but for the index at its end
        stamps = {entry.pos + AVI_CHUNK_HEADER: entry.timestamp for entry in stream.index_entries}
    may_restart = _has(container, Flags.ts_discont)  # files put one after the other
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
        shift += sum(_merged_delays(packet))
        yield packet


def _merged_delays(packet: "Packet[Any]") -> list[int]:
    """Delays of the pictures that were merged into one, by damage that hid where they begin."""
    if packet.stream.container.format.name != "gif":
        return []
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
