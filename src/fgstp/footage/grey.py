"""Grey: colour to one channel, and 16 bits to 8 by one range for a whole video."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from fgstp.core.errors import FootageError
from fgstp.footage.settings import SpanSettings

MAX_COUNTS = 65535
SAMPLED_FRAMES = 200
MOST_PERCENTILES, OUTLIER_FACTOR = (1.0, 99.0), 4
BORDER_FRACTION = 20  # of the rows, above and below, which may be telemetry
COLOURED_SPREAD, COLOURED_FRACTION = 0.095, 0.05  # of all levels, of the pixels
COLOUR_REMARK = (
    "it is in colour and was turned into grey by brightness; if a palette colours temperatures, "
    "export it again in white-hot grey"
)


def is_coloured(image: NDArray[np.integer]) -> bool:
    """Whether more than a logo of a picture is in colour.

    Args:
        image: (H, W) or (H, W, channels), uint8 or uint16.
    """
    if image.ndim == 2 or image.shape[2] < 3:
        return False
    blue, green, red = (np.ascontiguousarray(image[..., channel]) for channel in range(3))
    spread = cv2.max(cv2.max(blue, green), red) - cv2.min(cv2.min(blue, green), red)
    return float((spread > COLOURED_SPREAD * np.iinfo(image.dtype).max).mean()) > COLOURED_FRACTION


def to_grey(image: NDArray[np.integer]) -> NDArray[np.integer]:
    """Turn a decoded picture into one channel of the same depth, (H, W).

    Args:
        image: (H, W), (H, W, 1), (H, W, 3) BGR or (H, W, 4) BGRA, uint8 or uint16.

    Raises:
        FootageError: another depth.
    """
    if image.dtype not in (np.uint8, np.uint16):
        raise FootageError(
            f"its pixels are {image.dtype}, but 8 or 16 bit whole numbers are read; convert it"
        )
    if image.ndim == 2:
        return image
    if image.shape[2] == 1:
        return image[..., 0]
    code = cv2.COLOR_BGR2GRAY if image.shape[2] == 3 else cv2.COLOR_BGRA2GRAY
    return np.asarray(cv2.cvtColor(image, code), image.dtype)


@dataclass(frozen=True)
class GreySpan:
    """Counts that become black and white, the same for every frame of a video.

    A fixed span keeps a faint plume comparable from frame to frame; stretching each
    frame for itself would make the whole picture flicker with the gas.

    Attributes:
        low_counts: becomes 0.
        high_counts: becomes 255.
    """

    low_counts: int
    high_counts: int

    @cached_property
    def table(self) -> NDArray[np.uint8]:
        """Grey level of every possible count: (65536,) uint8."""
        counts = np.arange(MAX_COUNTS + 1, dtype=np.float64)
        level = (counts - self.low_counts) / (self.high_counts - self.low_counts) * 255
        return np.clip(np.rint(level), 0, 255).astype(np.uint8)


LIMITED_LUMA = GreySpan(16, 235)


def to_levels(counts: NDArray[np.integer], span: GreySpan | None, out: NDArray[np.uint8]) -> None:
    """Write the grey levels of counts, (..., W) uint8 or uint16, to `out`, of the same shape.

    Args:
        counts: values as they are stored, C-contiguous.
        span: counts that become black and white; None if they are grey levels.
        out: gets the levels.
    """
    if span is None:
        out[...] = counts
    elif counts.dtype == np.uint8:  # the same as the table, and faster
        gain = 255 / (span.high_counts - span.low_counts)
        rows, levels = (each.reshape(-1, counts.shape[-1]) for each in (counts, out))
        cv2.addWeighted(rows, gain, rows, 0, -span.low_counts * gain, dst=levels)
    else:
        span.table.take(counts, out=out, mode="clip")


def sampling_step(n_frames: int, n_wanted: int = SAMPLED_FRAMES) -> int:
    """Step between frames of a sample of at least `n_wanted` of `n_frames`, or of all."""
    return max(1, n_frames // n_wanted)


def measure_span(
    frames: Iterable[NDArray[np.integer]], settings: SpanSettings
) -> tuple[GreySpan, list[str]]:
    """Choose the span of a 16-bit video from a sample of its frames, at least one count wide.

    The span between the two percentiles serves, unless a hundredth of the pixels, or rows at the
    border, would take most of it: a flare, or telemetry. Then it is twice that of the others.

    Args:
        frames: (H, W) uint16, the sample.
        settings: fixed counts, or percentiles.

    Returns:
        The span, and remarks about it.
    """
    if settings.mode == "fixed":
        return GreySpan(settings.low_counts, settings.high_counts), []
    whole, inner = np.zeros((2, MAX_COUNTS + 1), np.int64)
    for frame in frames:
        border = len(frame) // BORDER_FRACTION
        picture = frame[border : len(frame) - border]
        whole += np.bincount(frame.ravel(), minlength=MAX_COUNTS + 1)
        inner += np.bincount(picture.ravel(), minlength=MAX_COUNTS + 1)
    low, high = _percentiles(whole, settings.low_percentile, settings.high_percentile)
    most_low, most_high = _percentiles(inner, *MOST_PERCENTILES)
    margin = max(1, (most_high - most_low) // 2)
    if high - low <= OUTLIER_FACTOR * (most_high - most_low + 2 * margin):
        return GreySpan(low, max(high, low + 1)), []
    low, high = max(low, most_low - margin), min(high, most_high + margin)
    return GreySpan(low, max(high, low + 1)), [
        f"98 % of its pixels lie between {most_low} and {most_high} counts, and few far outside: a "
        "flare, or rows of telemetry, which are cut off in grey; set ingest.span to choose it"
    ]


def _percentiles(histogram: NDArray[np.int64], *percentiles: float) -> list[int]:
    below = np.cumsum(histogram) / histogram.sum() * 100
    return [int(np.searchsorted(below, each)) for each in percentiles]
