"""Writing a video that browsers play."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from fgstp.core.errors import UserError
from fgstp.core.files import user_error_if_denied

TICK_S = Fraction(1, 1000)
PIXELS = "yuv420p"  # all that every browser decodes
BT_601 = 6  # as FFmpeg numbers the colours that OpenCV converts to

Append = Callable[[NDArray[np.uint8], float], None]


class Encoder(NamedTuple):
    """How a kind of video is encoded: what is fast enough to keep up with detection.

    Attributes:
        codec: name of FFmpeg's encoder.
        title: what it makes.
        options: of the encoder.
        bits_per_pixel_s: highest bit rate for each pixel, so that noisy footage is neither slow nor
            large; None where the quality alone decides.
        container: options of the file.
    """

    codec: str
    title: str
    options: dict[str, str]
    bits_per_pixel_s: float | None
    container: dict[str, str]


ENCODERS = {
    "webm": Encoder(
        "libvpx-vp9",
        "VP9",
        {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "crf": "36"},
        3.0,
        {"cluster_time_limit": "2000"},  # ms, after which it can be played meanwhile
    ),
    "mp4": Encoder(
        "libx264",
        "H.264",
        {"preset": "superfast", "tune": "zerolatency", "crf": "26"},
        None,
        {"movflags": "hybrid_fragmented"},  # can be played meanwhile, and has an index at the end
    ),
}


@contextmanager
def encoded_video(path: Path) -> Iterator[Append]:
    """Open a video file; yields what appends a picture (H, W, 3) uint8 BGR and its time in seconds.

    The first picture decides the size; both its sides are even. Times rise, by steps of any size.
    The file can be played while it is written, and however the block ends.

    Args:
        path: the file; its suffix, .webm or .mp4, chooses the encoder.

    Raises:
        UserError: the encoder is missing, or the file cannot be written.
    """
    encoder = check_encoder(path.suffix[1:])
    with user_error_if_denied(f"write {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        container = av.open(f"file:{path}", "w", container_options=encoder.container)
    stream: VideoStream | None = None
    last = -1

    def append(picture: NDArray[np.uint8], time_s: float) -> None:
        nonlocal stream, last
        stream = stream or _new_stream(container, encoder, picture.shape)
        pixels = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420)
        frame = av.VideoFrame.from_ndarray(np.asarray(pixels, np.uint8), format=PIXELS)
        last = max(round(time_s / TICK_S), last + 1)
        frame.pts, frame.time_base = last, TICK_S
        with user_error_if_denied(f"write {path}"):
            container.mux(stream.encode(frame))

    try:
        yield append
    finally:
        with user_error_if_denied(f"write {path}"), container:
            if stream is not None:
                container.mux(stream.encode(None))


def check_encoder(kind: str) -> Encoder:
    """The encoder of a kind of video, `webm` or `mp4`; a PyAV without GPL has none of `mp4`.

    Raises:
        UserError: it is missing.
    """
    encoder = ENCODERS[kind]
    try:
        av.Codec(encoder.codec, "w")
    except ValueError as error:
        raise UserError(
            f"This PyAV cannot encode {encoder.title} ({encoder.codec}), as {kind} needs; "
            f"choose another format ({' or '.join(ENCODERS)}), or install PyAV from its wheel."
        ) from error
    return encoder


def _new_stream(container: OutputContainer, encoder: Encoder, size: tuple[int, ...]) -> VideoStream:
    stream = container.add_stream(encoder.codec, options=encoder.options)
    assert isinstance(stream, VideoStream)
    stream.height, stream.width = size[:2]
    if encoder.bits_per_pixel_s:
        stream.bit_rate = round(encoder.bits_per_pixel_s * stream.height * stream.width)
    stream.pix_fmt = PIXELS
    stream.time_base = stream.codec_context.time_base = TICK_S
    stream.codec_context.thread_count = 1  # the network has the other processors
    stream.codec_context.colorspace = BT_601
    return stream
