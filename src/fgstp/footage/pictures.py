"""Pictures: which files are some, and reading one as its file says."""

import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from fgstp.core.errors import FootageError
from fgstp.core.files import check_regular_file
from fgstp.footage.grey import MAX_COUNTS

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"})
# JPEG brings MPO; formats of vector graphics would start other programs.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
MAX_PIXELS = 2**26  # 8192 x 8192
TOO_LARGE = f"the {MAX_PIXELS / 1e6:.0f} million pixels that are read; scale it down"
ORIENTATION, PHOTOMETRIC, WHITE_IS_ZERO = 274, 262, 0  # tags of EXIF and TIFF, and a value


def list_pictures(folder: Path) -> list[Path]:
    """Pictures of a folder in natural order: `frame_2` comes before `frame_10`.

    Hidden files are passed over.

    Raises:
        FootageError: the folder cannot be read.
    """
    try:
        paths = list(folder.iterdir())
    except OSError as error:
        raise FootageError(f"the folder {folder} cannot be read: {error.strerror}") from error
    pictures = (
        path
        for path in paths
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


def check_names(paths: Iterable[Path]) -> None:
    """See that no two names mean the same: `7.png` is `007.jpg`.

    Raises:
        FootageError: two do.
    """
    first: dict[tuple[tuple[int, int | str], ...], Path] = {}
    for path in paths:
        key = natural_key(Path(path.stem))[:-1]
        if (other := first.setdefault(key, path)) is not path:
            raise FootageError(
                f"{other.name} and {path.name} in {path.parent} have the same name but for the "
                "spelling; remove one"
            )


class Picture(NamedTuple):
    """A picture as its file holds it.

    Attributes:
        pixels: (H, W) or (H, W, 3) in BGR order, uint8 or uint16.
        indices: (H, W) uint8: indices of a palette; None without a palette.
        alpha: (H, W) uint8: opacity; None if the file has none.
        remarks: what was done to it, such as turning.
    """

    pixels: NDArray[np.integer]
    indices: NDArray[np.uint8] | None = None
    alpha: NDArray[np.uint8] | None = None
    remarks: tuple[str, ...] = ()


def read_picture(path: Path) -> Picture:
    """Read a picture of any depth, turned and inverted as its file says.

    Raises:
        FootageError: the file is empty, unreadable, no picture, too large, or has several pages.
    """
    with _opened(path) as image:
        pages = int(getattr(image, "n_frames", 1))
        if pages > 1 and image.format != "MPO":  # whose second page is a preview
            raise FootageError(
                f"it has {pages} pages; put stacks beside the other videos, not into a folder of "
                "frames"
            )
        return _picture(image, path)


def read_pages(path: Path) -> Iterator[Picture]:
    """Read all pages of a TIFF stack.

    Raises:
        FootageError: the file is empty, unreadable, no picture, or too large.
    """
    with _opened(path) as image:
        for page in range(getattr(image, "n_frames", 1)):
            image.seek(page)
            yield _picture(image, path)


def n_pages(path: Path) -> int:
    """Number of pages of a TIFF file; a `FootageError` if it cannot be read."""
    with _opened(path) as image:
        return int(getattr(image, "n_frames", 1))


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The open picture; whatever Pillow raises in the block becomes a `FootageError`."""
    check_regular_file(path)
    try:
        # By its name, Pillow would map the file, and garble TIFF that is to be turned.
        with (
            warnings.catch_warnings(action="ignore"),
            path.open("rb") as file,
            Image.open(file, formats=FORMATS) as image,
        ):
            yield image
    except FootageError:
        raise
    except Image.DecompressionBombError as error:
        raise FootageError(f"it is larger than {TOO_LARGE}") from error
    except UnidentifiedImageError as error:
        raise FootageError("it is no picture of a known kind; convert it or remove it") from error
    except Exception as error:  # damaged headers make Pillow raise almost anything
        raise FootageError(
            "it cannot be read as a picture to its end; copy it again or remove it"
        ) from error


def _picture(image: Image.Image, path: Path) -> Picture:
    """The present page."""
    if image.width * image.height > MAX_PIXELS:
        raise FootageError(f"it is {image.width} x {image.height}, larger than {TOO_LARGE}")
    # Pillow turns most TIFF, and forgets it.
    done = getattr(image, "tag_v2", {}).get(ORIENTATION, 1)
    picture = _pixels(image, path)
    left = image.getexif().get(ORIENTATION, 1)
    return _turned(picture, left, stated=done if left == 1 else left)


def _pixels(image: Image.Image, path: Path) -> Picture:
    """The pixels in the depth of the file."""
    mode = image.mode
    if mode == "P":
        rgba = np.asarray(image.convert("RGBA"))
        alpha = rgba[..., 3] if "transparency" in image.info else None
        return Picture(_bgr(rgba), np.asarray(image), alpha)
    if mode in ("RGB", "RGBA") and ";16" in str(getattr(image, "tile", "")):
        return _deep_colour(path, image.tell())  # Pillow would cut it to 8 bits
    if mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        rgba = np.asarray(image.convert("RGBA"))
        return Picture(rgba[..., 0] if mode in ("LA", "La") else _bgr(rgba), None, rgba[..., 3])
    if mode in ("I", "I;16", "I;16B", "I;16L"):
        return _counts(image)
    if mode in ("1", "L", "F"):
        return Picture(np.asarray(image if mode != "1" else image.convert("L")))
    return Picture(_bgr(np.asarray(image.convert("RGB"))))


def _counts(image: Image.Image) -> Picture:
    """A grey picture of 16 bits."""
    counts = np.asarray(image)
    if counts.min() < 0 or counts.max() > MAX_COUNTS:
        raise FootageError(
            "its pixels are negative or above 65535; convert it to 16 bits without sign"
        )
    counts = counts.astype(np.uint16)
    # Pillow minds the tag at 8 bits only.
    if getattr(image, "tag_v2", {}).get(PHOTOMETRIC) == WHITE_IS_ZERO:
        counts = MAX_COUNTS - counts
    return Picture(counts)


def _bgr(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(rgb[..., 2::-1])


def _deep_colour(path: Path, page: int) -> Picture:
    data = np.fromfile(path, np.uint8)
    _, pages = cv2.imdecodemulti(data, cv2.IMREAD_UNCHANGED, range=(page, page + 1))
    image = np.asarray(pages[0]) if pages else np.empty(0)
    if image.dtype != np.uint16 or image.ndim != 3:
        raise FootageError("it cannot be read as a picture of 16 bits; convert it")
    counts = image.astype(np.uint16, copy=False)
    alpha = (counts[..., 3] >> 8).astype(np.uint8) if counts.shape[2:] == (4,) else None
    return Picture(counts[..., :3], None, alpha)


def _turned(picture: Picture, orientation: int, stated: int) -> Picture:
    """Turn and mirror a picture by its EXIF orientation, and remark the stated one."""
    pixels, indices, alpha, _ = picture
    return Picture(
        _oriented(pixels, orientation),
        None if indices is None else _oriented(indices, orientation),
        None if alpha is None else _oriented(alpha, orientation),
        (f"turned as its EXIF orientation {stated} says",) if stated in range(2, 9) else (),
    )


def _oriented(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    if orientation in (5, 6, 7, 8):  # rows and columns change places
        pixels = pixels.swapaxes(0, 1)
    upside_down, mirrored = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    return np.ascontiguousarray(pixels[:: -1 if upside_down else 1, :: -1 if mirrored else 1])
