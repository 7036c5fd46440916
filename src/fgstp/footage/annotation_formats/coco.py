"""COCO instances, as JSON: polygons, and run lengths as numbers or compressed text."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from fgstp.footage.annotation_formats.base import AnnotatedImage, Shape, checked_image, told
from fgstp.footage.areas import Polygon, Runs, decode_counts, run_lengths


class _Rle(BaseModel):
    counts: list[int] | str
    size: tuple[int, int]


class _Image(BaseModel):
    id: int | str
    file_name: str
    height: int
    width: int


class _Annotation(BaseModel):
    image_id: int | str
    category_id: int | str
    # `iscrowd` only tells that run lengths follow: tools set it on every brushed mask.
    segmentation: list[Any] | _Rle | None = None


class _Category(BaseModel):
    id: int | str
    name: str


class _Coco(BaseModel):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category] = []


def read_coco(document: object, name: str) -> list[AnnotatedImage]:
    """Images of a file; those without annotations count as looked through.

    Args:
        document: what the JSON holds.
        name: of the file.

    Raises:
        FootageError: something is missing or impossible.
    """
    with told(name):
        coco = _Coco.model_validate(document)
    labels = {category.id: category.name for category in coco.categories}
    images = {image.id: image for image in coco.images}
    shapes: dict[int | str, list[Shape]] = {image: [] for image in images}
    for place, annotation in enumerate(coco.annotations):
        with told(f"{name}, annotations.{place}"):
            if annotation.image_id not in images:
                raise ValueError(f"there is no image {annotation.image_id}")
            image = images[annotation.image_id]
            label = labels.get(annotation.category_id, str(annotation.category_id))
            areas = _areas(annotation.segmentation, (image.height, image.width))
            drawn = [Shape(label, "mask", area) for area in areas]
            shapes[image.id] += drawn or [Shape(label, "box", None)]
    read = []
    for image in coco.images:
        with told(f"{name}, image {image.file_name}"):
            size = image.height, image.width
            read.append(checked_image(image.file_name, size, shapes[image.id]))
    return read


def _areas(
    segmentation: list[Any] | _Rle | None, size: tuple[int, int]
) -> Sequence[Polygon | Runs]:
    if not isinstance(segmentation, _Rle):
        return [Polygon.of(part) for part in segmentation or []]
    if segmentation.size != size:
        (height, width), (mask_height, mask_width) = size, segmentation.size
        raise ValueError(
            f"its mask is {mask_width} x {mask_height}, but its image is {width} x {height}"
        )
    counts = segmentation.counts
    numbers = decode_counts(counts) if isinstance(counts, str) else counts
    return [Runs(0, 0, size[1], size[0], run_lengths(numbers), by_columns=True)]
