"""A few frames of a video file, spread evenly over it, found by seeking."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream


def reaches_key_frames(
    container: InputContainer, stream: VideoStream, stamps: Sequence[int]
) -> bool:
    """Whether seeking to each time stamp finds a key frame that is later than the stamp before.

    It does not where key frames are farther apart than the stamps, in files without an index,
    and in those whose time stamps begin anew.
    """
    for before, stamp in pairwise([stamps[0] - 1, *stamps]):
        packet = _key_packet(container, stream, stamp)
        if packet is None or packet.pts is None or not before < packet.pts <= stamp:
            return False
    return True


def key_frames(
    container: InputContainer, stream: VideoStream, stamps: Sequence[int]
) -> Iterator[VideoFrame]:
    """Decode the key frames at or before the time stamps, where they can be decoded."""
    for stamp in stamps:
        packet = _key_packet(container, stream, stamp)
        if packet is not None:
            with suppress(av.FFmpegError):
                yield from [*stream.decode(packet), *stream.decode(None)][:1]


def _key_packet(container: InputContainer, stream: VideoStream, stamp: int) -> "Packet[Any] | None":
    """The packet that is found by seeking to a time stamp; None if it is no key frame."""
    try:
        container.seek(stamp, stream=stream)
        packet = next((each for each in container.demux(stream) if each.size), None)
    except av.FFmpegError:
        return None
    return packet if packet is not None and packet.is_keyframe else None
