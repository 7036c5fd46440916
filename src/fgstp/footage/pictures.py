"""Pictures: which files are some, and reading one as its file says."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fgstp.core.errors import FootageError
from fgstp.core.quiet import captured_stderr
from fgstp.footage.grey import MAX_COUNTS
from fgstp.footage.picture_files import count_pages, is_damaged, opened, pillow_errors

PICTURE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".bmp", ".webp"}
    | {".pgm", ".ppm", ".pnm"}
)
ORIENTATION, PHOTOMETRIC, WHITE_IS_ZERO = 274, 262, 0  # tags of EXIF and TIFF, and a value
BITS, SAMPLE_FORMAT, SIGNED, PLANES, APART = 258, 339, 2, 284, 2


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


def composed(name: str) -> str:
    """A name with its accents as parts of letters: some systems write them apart."""
    return unicodedata.normalize("NFC", name)


def natural_key(path: Path) -> tuple[tuple[int, int | str], ...]:
    """Sorting key that compares the numbers in a name as numbers."""
    parts = re.split(r"(\d+)", composed(path.name))
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
        remarks: what was done to it, such as turning, and what seems to be wrong.
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
    with opened(path) as image:
        pages = count_pages(image)
        if pages > 1 and image.format != "MPO":  # whose second page is a preview
            raise FootageError(
                f"it has {pages} pages; put stacks beside the other videos, not into a folder of "
                "frames"
            )
        return _picture(image, path)


def read_pages(path: Path, step: int = 1) -> Iterator[Picture]:
    """Read the pages of a TIFF stack, or each `step`-th of them.

    Raises:
        FootageError: the file is empty, unreadable, no picture, or too large.
    """
    with opened(path) as image:
        for page in range(0, count_pages(image), step):
            with pillow_errors():
                image.seek(page)
            yield _picture(image, path)


def n_pages(path: Path) -> int:
    """Number of pages of a TIFF file; a `FootageError` if it cannot be read."""
    with opened(path) as image:
        return count_pages(image)


def told_together(names: Mapping[str, Sequence[str]]) -> list[str]:
    """One sentence for each remark, from the names of the pictures that have it."""
    return [f"{remark} ({len(of)} pictures, the first is {of[0]})" for remark, of in names.items()]


def _picture(image: Image.Image, path: Path) -> Picture:
    """The present page."""
    # Pillow turns most TIFF, and forgets it.
    done = getattr(image, "tag_v2", {}).get(ORIENTATION, 1)
    is_deep_colour = _is_deep_colour(image)
    with pillow_errors():
        image.load()
        left = image.getexif().get(ORIENTATION, 1)
    # Pillow would cut deep colour to 8 bits.
    picture = _deep_colour(path, image.tell()) if is_deep_colour else _pixels(image)
    if is_damaged(image, path):
        picture = picture._replace(remarks=("damaged: parts of it may be wrong",))
    return _turned(picture, left, stated=done if left == 1 else left)


def _pixels(image: Image.Image) -> Picture:
    """The pixels in the depth of the file."""
    mode = image.mode
    if mode == "P":
        rgba = np.asarray(image.convert("RGBA"))
        alpha = rgba[..., 3] if "transparency" in image.info else None
        return Picture(_bgr(rgba), np.asarray(image), alpha)
    if mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        rgba = np.asarray(image.convert("RGBA"))
        return Picture(rgba[..., 0] if mode in ("LA", "La") else _bgr(rgba), None, rgba[..., 3])
    if mode in ("I", "I;16", "I;16B", "I;16L"):
        return _counts(image)
    if mode in ("1", "L", "F"):
        pixels = np.asarray(image if mode != "1" else image.convert("L"))
        if SIGNED in getattr(image, "tag_v2", {}).get(SAMPLE_FORMAT, ()):
            _check_counts(pixels.view(np.int8))
        return Picture(pixels)
    return Picture(_bgr(np.asarray(image.convert("RGB"))))


def _counts(image: Image.Image) -> Picture:
    """A grey picture of 16 bits."""
    counts = np.asarray(image)
    _check_counts(counts)
    counts = counts.astype(np.uint16)
    # Pillow minds the tag at 8 bits only.
    if getattr(image, "tag_v2", {}).get(PHOTOMETRIC) == WHITE_IS_ZERO:
        counts = MAX_COUNTS - counts
    return Picture(counts)


def _check_counts(counts: NDArray[np.integer]) -> None:
    if counts.min() < 0 or counts.max() > MAX_COUNTS:
        raise FootageError(
            "its pixels are negative or above 65535; convert it to 16 bits without sign"
        )


def _bgr(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    code = cv2.COLOR_RGBA2BGR if rgb.shape[2] == 4 else cv2.COLOR_RGB2BGR
    return np.asarray(cv2.cvtColor(rgb, code), np.uint8)


def _is_deep_colour(image: Image.Image) -> bool:
    """Whether it has colours of more than 8 bits, before it is decoded."""
    if image.mode not in ("RGB", "RGBA", "RGBX", "CMYK"):
        return False
    bits = max(getattr(image, "tag_v2", {}).get(BITS, (8,)))
    tiles = getattr(image, "tile", [])
    if image.format == "PPM" and isinstance(tiles[0].args, tuple):
        bits = int(tiles[0].args[-1]).bit_length()  # of the largest value
    is_deep = bits > 8 or ";16" in str(tiles)
    are_apart = getattr(image, "tag_v2", {}).get(PLANES) == APART
    if is_deep and (are_apart or image.mode == "CMYK" or image.format == "PPM"):
        raise FootageError(
            "it has colours of 16 bits in planes, as CMYK or as PPM, which are not read; convert it"
        )
    return is_deep


def _deep_colour(path: Path, page: int) -> Picture:
    data = np.fromfile(path, np.uint8)
    with captured_stderr():
        _, pages = cv2.imdecodemulti(data, cv2.IMREAD_UNCHANGED, range=(page, page + 1))
    image = np.asarray(pages[0]) if pages else np.empty(0)
    if image.dtype != np.uint16 or image.ndim != 3:
        raise FootageError("it cannot be read as a picture of 16 bits; convert it")
    counts = image.astype(np.uint16, copy=False)
    alpha = (counts[..., 3] >> 8).astype(np.uint8) if counts.shape[2:] == (4,) else None
    return Picture(counts[..., :3], None, alpha)


def _turned(picture: Picture, orientation: int, stated: int) -> Picture:
    """Turn and mirror a picture by its EXIF orientation, and remark the stated one."""
    pixels, indices, alpha, remarks = picture
    told = (f"turned as its EXIF orientation {stated} says",) if stated in range(2, 9) else ()
    return Picture(
        _oriented(pixels, orientation),
        None if indices is None else _oriented(indices, orientation),
        None if alpha is None else _oriented(alpha, orientation),
        (*remarks, *told),
    )


def _oriented(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    if orientation in (5, 6, 7, 8):  # rows and columns change places
        pixels = pixels.swapaxes(0, 1)
    upside_down, mirrored = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    return np.ascontiguousarray(pixels[:: -1 if upside_down else 1, :: -1 if mirrored else 1])
