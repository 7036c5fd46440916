"""Pictures: listing and reading them, colour to grey, and 16 bits to 8."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fgstp.core.errors import FootageError
from fgstp.footage.settings import SpanSettings

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff"})
MAX_COUNTS = 65535
SAMPLED_FRAMES = 200


def list_pictures(folder: Path) -> list[Path]:
    """List the pictures of a folder in natural order (`frame_2` before `frame_10`), none hidden."""
    pictures = (
        path
        for path in folder.iterdir()
        if path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith(".")
    )
    return sorted(pictures, key=natural_key)


def natural_key(path: Path) -> tuple[tuple[int, int | str], ...]:
    """Make a sorting key that compares the numbers in a name as numbers."""
    parts = re.split(r"(\d+)", path.name)
    numbers_and_words = [
        (0, int(part)) if part.isdecimal() else (1, part) for part in parts if part
    ]
    # `frame_1` and `frame_01` are equal so far; the name itself settles their order.
    return (*numbers_and_words, (-1, path.name))


def read_picture(path: Path) -> NDArray[np.integer]:
    """Read a picture: (H, W) or (H, W, channels) in BGR order, with the depth of the file.

    Raises:
        FootageError: the file is empty, unreadable or no picture.
    """
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise FootageError(f"it cannot be read: {error.strerror}") from error
    if data.size == 0:
        raise FootageError("it is empty; copy it again or remove it")
    image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    if image is None:
        raise FootageError("it cannot be read as a picture; copy it again or remove it")
    return np.asarray(image)


def to_grey(image: NDArray[np.integer]) -> NDArray[np.integer]:
    """Convert a decoded picture to grey of the same depth, (H, W).

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
    """Counts of 16-bit footage that become black and white, the same in all frames of a video.

    With one span, a faint plume is comparable from frame to frame; stretching the contrast of
    each frame would make the whole picture flicker with the gas.

    Attributes:
        low_counts: becomes 0.
        high_counts: becomes 255.
    """

    low_counts: int
    high_counts: int

    def table(self) -> NDArray[np.uint8]:
        """Return the grey level of every possible count: (65536,) uint8."""
        counts = np.arange(MAX_COUNTS + 1, dtype=np.float64)
        level = (counts - self.low_counts) / (self.high_counts - self.low_counts) * 255
        return np.clip(np.rint(level), 0, 255).astype(np.uint8)


def measure_span(
    frames: Iterable[NDArray[np.integer]], n_frames: int, settings: SpanSettings
) -> GreySpan:
    """Choose the span of a 16-bit video from a sample of its frames; it is at least 1 count wide.

    Args:
        frames: all frames of the video, (H, W) uint16.
        n_frames: their number, to sample them evenly.
        settings: fixed counts, or percentiles.
    """
    if settings.mode == "fixed":
        return GreySpan(settings.low_counts, settings.high_counts)
    step = max(1, n_frames // SAMPLED_FRAMES)
    histogram = np.zeros(MAX_COUNTS + 1, np.int64)
    for frame in islice(frames, None, None, step):
        histogram += np.bincount(frame.ravel(), minlength=MAX_COUNTS + 1)
    below = np.cumsum(histogram) / histogram.sum() * 100
    low = int(np.searchsorted(below, settings.low_percentile))
    high = int(np.searchsorted(below, settings.high_percentile))
    return GreySpan(low, max(high, low + 1))
