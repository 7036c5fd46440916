"""Pictures on disk: which files are pictures, their order, and reading one."""

import re
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fgstp.core.errors import FootageError

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff"})


def list_pictures(folder: Path) -> list[Path]:
    """Pictures of a folder in natural order: `frame_2` comes before `frame_10`.

    Hidden files are passed over.
    """
    pictures = (
        path
        for path in folder.iterdir()
        if path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith(".")
    )
    return sorted(pictures, key=natural_key)


def natural_key(path: Path) -> tuple[tuple[int, int | str], ...]:
    """Sorting key that compares the numbers in a name as numbers."""
    parts = re.split(r"(\d+)", path.name)
    numbers_and_words = [
        (0, int(part)) if part.isdecimal() else (1, part) for part in parts if part
    ]
    # `frame_1` and `frame_01` are equal so far; the name itself settles their order.
    return (*numbers_and_words, (-1, path.name))


def read_picture(path: Path) -> NDArray[np.integer]:
    """Read a picture with its own depth and channels.

    Args:
        path: a picture file.

    Returns:
        (H, W) or (H, W, channels) in BGR order, of the depth that the file has.

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
