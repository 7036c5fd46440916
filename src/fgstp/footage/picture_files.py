"""Picture files, opened by Pillow: its errors as sentences, and damage that it passes over."""

import struct
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, TiffImagePlugin, UnidentifiedImageError

from fgstp.core.errors import FootageError
from fgstp.core.files import check_regular_file
from fgstp.core.quiet import captured_stderr

# JPEG brings MPO; formats of vector graphics would start other programs.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
MAX_PIXELS = 2**26  # 8192 x 8192
TOO_LARGE = f"the {MAX_PIXELS / 1e6:.0f} million pixels that are read; scale it down"
# What Pillow raises of damaged files.
PILLOW_ERRORS = (
    *(OSError, EOFError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError),
    *(struct.error, Image.DecompressionBombError),
)
# White is zero, 16 bits: Pillow has this kind for the other order of bytes only.
FURTHER_TIFF: Any = {(b"MM", 0, (1,), 1, (16,), ()): ("I;16B", "I;16B")}


@contextmanager
def pillow_errors() -> Iterator[None]:
    """Turn what Pillow raises about a file in the block into a `FootageError`."""
    try:
        with warnings.catch_warnings(action="ignore"), captured_stderr():
            yield
    except Image.DecompressionBombError as error:
        raise FootageError(f"it is larger than {TOO_LARGE}") from error
    except UnidentifiedImageError as error:
        raise FootageError("it is no picture of a known kind; convert it or remove it") from error
    except PILLOW_ERRORS as error:
        raise FootageError(
            "it cannot be read as a picture to its end; copy it again or remove it"
        ) from error


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """The open picture, of which nothing is decoded yet.

    Raises:
        FootageError: the file is empty, unreadable, no picture, too large, or its check sums tell
            that it is damaged.
    """
    check_regular_file(path)
    TiffImagePlugin.OPEN_INFO.update(FURTHER_TIFF)
    with ExitStack() as stack:
        with pillow_errors():
            # By its name, Pillow would map the file, and garble TIFF that is to be turned.
            file = stack.enter_context(path.open("rb"))
            image = stack.enter_context(Image.open(file, formats=FORMATS))
        if image.width * image.height > MAX_PIXELS:
            raise FootageError(f"it is {image.width} x {image.height}, larger than {TOO_LARGE}")
        if image.format == "PNG":
            with pillow_errors(), Image.open(path, formats=FORMATS) as checked:
                checked.verify()  # the check sums, at which loading does not look
        yield image


def count_pages(image: Image.Image) -> int:
    """Number of pages of an open picture; a `FootageError` if they cannot be counted."""
    with pillow_errors():
        return int(getattr(image, "n_frames", 1))


def is_damaged(image: Image.Image, path: Path) -> bool:
    """Whether a JPEG picture is damaged, which only what libjpeg prints tells if it can go on."""
    if image.format not in ("JPEG", "MPO"):
        return False
    with captured_stderr() as said:
        cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_8)
    return b"JPEG" in said[0]
