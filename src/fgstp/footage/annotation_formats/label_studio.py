"""Label Studio, as JSON: a list of tasks, with polygons and brushed masks."""

from pathlib import PurePosixPath
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from fgstp.footage.annotation_formats.base import AnnotatedImage, Shape, checked_image, told
from fgstp.footage.areas import Polygon, Runs
from fgstp.footage.picture_files import MAX_PIXELS
from fgstp.footage.pictures import PICTURE_SUFFIXES

AREAS = ("polygon", "brush")
SHAPES = (*AREAS, "rectangle", "ellipse", "keypoint", "vector", "bitmask")
OPAQUE = 128  # of 255


class _Value(BaseModel, extra="allow"):  # such as `polygonlabels`, a list of labels
    points: list[tuple[float, float]] = []
    rle: list[Annotated[int, Field(ge=0, le=255)]] = []


class _Result(BaseModel):
    type: str
    value: _Value = _Value()
    original_width: int | None = None
    original_height: int | None = None
    image_rotation: float | None = 0


class _Annotation(BaseModel):
    result: list[_Result]
    was_cancelled: bool = False


class _Task(BaseModel):
    annotations: list[_Annotation]
    data: dict[str, Any]


def read_label_studio(document: list[Any], name: str) -> list[AnnotatedImage]:
    """Images of a file; those whose task nobody submitted count as not looked through.

    Args:
        document: what the JSON holds.
        name: of the file.

    Raises:
        FootageError: something is missing or impossible, or a task has several annotations.
    """
    read = []
    for place, content in enumerate(document):
        with told(f"{name}, task {place}"):
            task = _Task.model_validate(content)
            submitted = [each for each in task.annotations if not each.was_cancelled]
            if len(submitted) > 1:
                raise ValueError(
                    f"it has {len(submitted)} annotations, by several people; keep one"
                )
            if submitted:
                read.append(_image(_image_name(task.data), submitted[0].result))
    return read


def _image_name(data: dict[str, Any]) -> str:
    paths = [str(value).rpartition("?d=")[2] for value in data.values()]  # of local files
    names = [path for path in paths if PurePosixPath(path).suffix.lower() in PICTURE_SUFFIXES]
    if not names:
        raise ValueError("it names no picture")
    return names[0]


def _image(name: str, results: list[_Result]) -> AnnotatedImage:
    shapes, sizes = [], set()
    for result in results:
        kind = result.type.removesuffix("labels")
        if kind in SHAPES:
            size = result.original_height or 0, result.original_width or 0
            sizes.add(size)
            label = next(iter((result.value.model_extra or {}).get(result.type) or [kind]))
            shapes.append(Shape(str(label), kind, _area(kind, result.value, size)))
        if result.image_rotation:
            raise ValueError("its image was turned in Label Studio; turn it back")
    if len(sizes) > 1:
        raise ValueError("its shapes are of images of several sizes")
    return checked_image(name, sizes.pop(), shapes) if sizes else AnnotatedImage(name, None, [])


def _area(kind: str, value: _Value, size: tuple[int, int]) -> Polygon | Runs | None:
    if kind not in AREAS:
        return None
    if kind == "polygon":
        return Polygon.of([(x / 100, y / 100) for x, y in value.points], relative=True)
    opacity = _decode(value.rle)
    if len(opacity) != size[0] * size[1]:
        raise ValueError("a mask does not fit its image")
    return Runs.of_mask(opacity.reshape(size) >= OPAQUE)


class _Bits:
    """Bits of bytes, taken one after the other."""

    def __init__(self, numbers: list[int]) -> None:
        self._bits, self._at = "".join(f"{byte:08b}" for byte in numbers), 0

    def take(self, n_bits: int) -> int:
        """The number that the next bits make."""
        self._at += n_bits
        if self._at > len(self._bits):
            raise ValueError("a mask has run lengths that break off")
        return int(self._bits[self._at - n_bits : self._at], 2)


def _decode(numbers: list[int]) -> NDArray[np.uint8]:
    """Opacity of the pixels, row by row, from the run lengths of red, green, blue and opacity.

    The numbers are bytes. Of their bits, 32 tell how many values there are, 5 the bits of a value
    less 1, and four times 4 the bits of four kinds of lengths less 1. Each run that follows has
    one bit for whether it repeats a single value, two for the kind of its length, the length less
    1, and the values.
    """
    take = _Bits(numbers).take
    n_values, value_bits = take(32), take(5) + 1
    length_bits = [take(4) + 1 for _ in range(4)]
    if n_values > 4 * MAX_PIXELS or n_values % 4:
        raise ValueError("a mask has run lengths of an impossible number of values")
    values, lengths, n_found = [], [], 0
    while n_found < n_values:
        repeats = take(1)
        length = take(length_bits[take(2)]) + 1
        own = [take(value_bits)] if repeats else [take(value_bits) for _ in range(length)]
        values += own
        lengths += [length] if repeats else [1] * length
        n_found += length
    found = np.repeat(np.array(values, np.int64), lengths)
    return found[3:n_values:4].clip(max=255).astype(np.uint8)
