"""labelme, as JSON: a file for each image, with polygons and painted masks."""

import base64
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image
from pydantic import BaseModel, Field

from fgstp.footage.annotation_formats.base import AnnotatedImage, Shape, checked_image, told
from fgstp.footage.areas import Polygon, Runs
from fgstp.footage.picture_files import FORMATS, MAX_PIXELS, PILLOW_ERRORS


class _Shape(BaseModel):
    label: str
    points: list[Any]
    shape_type: str | None = None
    mask: str | None = None


class _Labelme(BaseModel):
    image_path: str | None = Field(alias="imagePath")
    height: int | None = Field(None, alias="imageHeight")  # old versions do not tell
    width: int | None = Field(None, alias="imageWidth")
    shapes: list[_Shape]


def read_labelme(document: object, name: str) -> AnnotatedImage:
    """The image of a file.

    Args:
        document: what the JSON holds.
        name: of the file, from which an image without a name has its own.

    Raises:
        FootageError: something is missing or impossible.
    """
    with told(name):
        image = _Labelme.model_validate(document)
        shapes = [Shape(each.label, _kind(each), _area(each)) for each in image.shapes]
        frame, size = image.image_path or name, (image.height, image.width)
        if size == (None, None) and all(isinstance(each.area, Polygon) for each in shapes):
            return AnnotatedImage(frame, None, shapes)
        if image.height is None or image.width is None:
            raise ValueError("imageHeight or imageWidth is missing")
        return checked_image(frame, (image.height, image.width), shapes)


def _kind(shape: _Shape) -> str:
    return shape.shape_type or "polygon"


def _area(shape: _Shape) -> Polygon | Runs | None:
    match _kind(shape):
        case "polygon":
            return Polygon.of(shape.points)
        case "mask":
            return _painted(shape)
        case _:
            return None


def _painted(shape: _Shape) -> Runs:
    """The box has two corners, whose pixels both belong to it; its picture comes as text."""
    corners = np.array(shape.points, np.float64)
    if corners.shape != (2, 2) or not (np.abs(corners) < MAX_PIXELS).all():
        raise ValueError("a mask has not two points as the corners of its box")
    (left, top), (right, bottom) = corners.astype(int).tolist()
    width, height = right - left + 1, bottom - top + 1
    try:
        with Image.open(BytesIO(base64.b64decode(shape.mask or "")), formats=FORMATS) as picture:
            inside = np.asarray(picture.convert("L"))
    except PILLOW_ERRORS as error:
        raise ValueError("the picture of a mask cannot be read") from error
    if inside.shape != (height, width):
        raise ValueError("a mask has another size than its box")
    return Runs.of_mask(inside > 0, left, top)
