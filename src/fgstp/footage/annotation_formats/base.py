"""What all annotation formats have in common: images with shapes, and sentences about mistakes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from fgstp.core.errors import FootageError
from fgstp.core.files import check_regular_file
from fgstp.footage.areas import Polygon, Runs
from fgstp.footage.picture_files import MAX_PIXELS

MAX_BYTES = 512 * 2**20


class Shape(NamedTuple):
    """What somebody drew into a frame.

    Attributes:
        label: its label.
        kind: what the format calls it, such as `polygon`.
        area: what it covers; None if it is no area, such as a box or points.
        z_order: shapes of a higher order cover those of a lower one.
    """

    label: str
    kind: str
    area: Polygon | Runs | None
    z_order: int = 0


class AnnotatedImage(NamedTuple):
    """An image that somebody looked through.

    Attributes:
        frame: file name of the image, or number of the frame.
        size: height and width; None if the format does not tell.
        shapes: what was drawn, in order; may be empty.
    """

    frame: str | int
    size: tuple[int, int] | None
    shapes: list[Shape]


def checked_image(frame: str | int, size: tuple[int, int], shapes: list[Shape]) -> AnnotatedImage:
    """An image whose size is possible, and whose masks are inside of it; else a `ValueError`."""
    height, width = size
    if height < 1 or width < 1 or height * width > MAX_PIXELS:
        raise ValueError(f"its size of {width} x {height} is impossible")
    for area in (shape.area for shape in shapes):
        if isinstance(area, Runs) and not (
            0 <= area.left <= width - area.width and 0 <= area.top <= height - area.height
        ):
            raise ValueError("a mask reaches beyond the image")
    return AnnotatedImage(frame, size, shapes)


@contextmanager
def told(where: str, what: str = "") -> Iterator[None]:
    """Turn a mistake in the data into a `FootageError` that says where it is."""
    try:
        yield
    except ValidationError as error:
        # Of the readings that a value may have, the one that got farthest was meant.
        detail = max(error.errors(), key=lambda each: len(each["loc"]))
        place = ".".join(str(part) for part in detail["loc"])
        raise FootageError(f"{where}: {place}: {detail['msg']}; export it again") from error
    except (ValueError, OverflowError) as error:
        sentence = f"{what} ({error})" if what else str(error)
        raise FootageError(f"{where}: {sentence}; correct it or export it again") from error


def read_content(path: Path) -> bytes:
    """The bytes of a file; a `FootageError` if it cannot be read or is larger than 512 MB."""
    check_regular_file(path)
    if path.stat().st_size > MAX_BYTES:
        raise FootageError(
            f"{path.name} has more than {MAX_BYTES >> 20} MB; export each video by itself"
        )
    return path.read_bytes()


def read_text(path: Path) -> str:
    """The text of a file, which may be empty; otherwise like `read_content`."""
    if path.is_file() and path.stat().st_size == 0:
        return ""
    return read_content(path).decode("utf-8-sig", errors="replace")
