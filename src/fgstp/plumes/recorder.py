"""The recorder: video is compressed as it is recorded, and decoded again."""

from fractions import Fraction
from typing import Literal

import av
import numpy as np

from fgstp.core.errors import UserError
from fgstp.plumes.conditions import CameraConditions
from fgstp.plumes.fields import GreyImage, log_uniform

_TICKS_PER_S = 25  # any: the quality does not depend on it
_PRESETS = ("ultrafast", "superfast", "veryfast")


class Recorder:
    """Encodes and decodes a video frame by frame, in memory and without delay.

    Blocks that hardly change are skipped, and renewed at key frames, as in real recordings.

    Args:
        rng: random generator.
        conditions: codecs, and ranges of quantiser and key-frame interval.
        shape: rows and columns.

    Raises:
        UserError: this build of FFmpeg lacks the encoder.
    """

    def __init__(
        self, rng: np.random.Generator, conditions: CameraConditions, shape: tuple[int, int]
    ) -> None:
        self._shape = shape
        is_h264 = str(rng.choice(conditions.codecs)) == "h264"
        quantiser = rng.uniform(*conditions.quantiser)
        options = {"g": str(round(log_uniform(rng, conditions.key_frame_interval))), "bf": "0"}
        preset = str(rng.choice(_PRESETS))
        if is_h264:
            options |= {"preset": preset, "tune": "zerolatency", "crf": f"{quantiser:.1f}"}
        else:
            # The step of H.264 doubles with every 6 of its quantiser; that of MPEG-4 is linear.
            level = str(round(np.clip(0.3125 * 2.0 ** (quantiser / 6.0), 1.0, 31.0)))
            options |= {"qmin": level, "qmax": level, "b": "100M"}
        rows, columns = shape
        # Colour is stored at half the resolution, so that sizes must be even.
        self._size = rows + rows % 2, columns + columns % 2
        # Grey values, and below them those of two colours of half the width and height.
        self._planes = np.full((3 * self._size[0] // 2, self._size[1]), 128, np.uint8)
        self._encoder = _context("libx264" if is_h264 else "mpeg4", "w")
        self._encoder.height, self._encoder.width = self._size
        self._encoder.pix_fmt = "yuv420p"
        self._encoder.time_base = Fraction(1, _TICKS_PER_S)
        # Several threads would delay the frames.
        self._encoder.thread_count = 1
        self._encoder.options = options
        self._decoder = _context("h264" if is_h264 else "mpeg4", "r")
        self._decoder.thread_count = 1
        self._decoder.options = {"flags": "low_delay"}
        self._count = 0

    def record(self, grey: GreyImage) -> GreyImage:
        """Compress a frame, uint8 (H, W); returns what a player shows, uint8 (H, W)."""
        rows, columns = self._shape
        padding = [(0, even - odd) for even, odd in zip(self._size, self._shape, strict=True)]
        self._planes[: self._size[0]] = np.pad(grey, padding, mode="edge")
        frame = av.VideoFrame.from_ndarray(self._planes, "yuv420p")
        frame.pts = self._count
        self._count += 1
        packets = self._encoder.encode(frame)
        [decoded] = [shown for packet in packets for shown in self._decoder.decode(packet)]
        return np.array(decoded.to_ndarray()[:rows, :columns], np.uint8)


def _context(codec: str, mode: Literal["r", "w"]) -> av.VideoCodecContext:
    try:
        context = av.CodecContext.create(codec, mode)
    except av.codec.codec.UnknownCodecError as error:
        raise UserError(
            f"This build of PyAV lacks {codec}; install PyAV from its wheel, or choose other "
            "codecs in the conditions of the camera."
        ) from error
    assert isinstance(context, av.VideoCodecContext)
    return context
