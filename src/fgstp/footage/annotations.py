"""Annotations: exports of annotation tools, read as the masks of a video."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgstp.core.errors import FootageError, did_you_mean
from fgstp.core.fingerprint import signature
from fgstp.footage.annotation_formats.base import AnnotatedImage
from fgstp.footage.annotation_formats.exports import read_exports
from fgstp.footage.areas import Polygon, Runs
from fgstp.footage.mask_levels import HINT
from fgstp.footage.mask_pictures import VALUE, Meaning, fit_mask

UPLOAD = re.compile(r"^([0-9a-f]{8})-(?=.)")
ROBOFLOW = re.compile(r"(?:_(?:jpe?g|png|bmp|tiff?|webp))?\.rf\.[0-9A-Za-z]+$")


class FrameShapes(NamedTuple):
    """The shapes of an annotated frame.

    Attributes:
        name: of its image, as the export has it.
        size: height and width that the export has; None if it fits any.
        areas: areas with their value in the mask, in the order in which they are drawn.
    """

    name: str
    size: tuple[int, int] | None
    areas: tuple[tuple[Polygon | Runs, int], ...]


@dataclass(frozen=True)
class Annotations:
    """The masks of one video as shapes.

    Attributes:
        files: files that they come from.
        shapes: annotated frames by number, from 0; one without areas is free of gas.
        found: what a reader of the video table should know of the export.
        fitted: what was done to the masks that were read, once each.
    """

    files: tuple[Path, ...]
    shapes: Mapping[int, FrameShapes]
    found: tuple[str, ...]
    fitted: dict[str, None] = field(default_factory=dict)

    @property
    def numbers(self) -> Collection[int]:
        """Numbers of the annotated frames, from 0."""
        return self.shapes.keys()

    def signature(self) -> str:
        """Hash of names, sizes and times of change."""
        return signature(self.files)

    def read(self, number: int, size: tuple[int, int]) -> NDArray[np.uint8]:
        """Draw the mask of an annotated frame: (H, W) uint8: 0, 1, or 255 for void.

        A pixel belongs to an area if its centre does.

        Args:
            number: of the frame.
            size: height and width of the frame, to which a mask of another size is fitted.

        Raises:
            FootageError: the mask cannot be of a frame of this size.
        """
        frame = self.shapes[number]
        mask = np.zeros(frame.size or size, np.uint8)
        for area, value in frame.areas:
            area.draw(mask, value)
        try:
            mask, remark = fit_mask(mask, size)
        except FootageError as error:
            raise FootageError(f"the annotation of {frame.name}: {error}") from error
        if remark:
            self.fitted[remark] = None
        return mask

    @property
    def remarks(self) -> tuple[str, ...]:
        """Sentences for the video table."""
        return (*self.found, *self.fitted)


def find_annotations(
    folder: Path,
    frame_numbers: Callable[[Sequence[str]], list[int | None]],
    labelmap: Mapping[str, Meaning],
    frames: Collection[Path] = (),
) -> Annotations | None:
    """Read what an annotation tool exported: CVAT 1.1, COCO, labelme, Label Studio or YOLO.

    Args:
        folder: where the export lies, at any depth; or its one file.
        frame_numbers: numbers of the frames of images with these names, which have no suffix; None
            for a name of which the video has no frame.
        labelmap: meaning of each label, `ingest.masks.labelmap`; empty: all labels are gas.
        frames: pictures that are frames, if the export lies beside them.

    Returns:
        The masks; None if there is no export of these formats.

    Raises:
        FootageError: an export is broken, or there are several formats; an unknown label; no
            image belongs to the video, or two to the same frame.
    """
    export = read_exports(folder)
    if export is None:
        return None
    annotated, strays = _by_frame(export.images, frame_numbers)
    shapes, left_out = _with_meaning(annotated, labelmap)
    if beside := [path for path in export.beside if path not in frames]:
        left_out.append(f"{_count(beside, 'file')} beside the annotations not read as masks")
    return Annotations(export.files, shapes, (*strays, *left_out))


def _by_frame(
    images: list[AnnotatedImage], frame_numbers: Callable[[Sequence[str]], list[int | None]]
) -> tuple[dict[int, AnnotatedImage], list[str]]:
    """Images by the number of their frame, and a remark on those that are of no frame."""
    frames: dict[int, AnnotatedImage] = {}
    strays: list[str | int] = []
    names = [_stem(image.frame) for image in images if isinstance(image.frame, str)]
    by_name = iter(frame_numbers(_without_uploads(names)))
    for image in images:
        number = image.frame if isinstance(image.frame, int) else next(by_name)
        if number is None:
            strays.append(image.frame)
        elif frames.setdefault(number, image) is not image:
            raise FootageError(
                f"{frames[number].frame} and {image.frame} are both annotations of frame {number}; "
                "remove one"
            )
    if not frames:
        first = f", the first is {strays[0]}" if strays else ""
        raise FootageError(
            f"none of the {len(strays)} annotated images belongs to a frame of the video{first}; "
            "put the export of this video there, or give its images the names of the frames"
        )
    remarks = [f"{_count(strays, 'annotated image')} of no frame of the video"] if strays else []
    return frames, remarks


def _stem(name: str) -> str:
    """The name of an image without folders, of whatever system, suffix, and what tools add."""
    return ROBOFLOW.sub("", PurePosixPath(name.replace("\\", "/")).stem)


def _without_uploads(names: list[str]) -> list[str]:
    """Names without the random digits that Label Studio sets before each image that it is given."""
    digits = {found[1] for name in names if (found := UPLOAD.match(name))}
    if len(digits) < len(names) or all(each.isdecimal() for each in digits):  # such as a date
        return names
    return [UPLOAD.sub("", name) for name in names]


def _with_meaning(
    frames: Mapping[int, AnnotatedImage], labelmap: Mapping[str, Meaning]
) -> tuple[dict[int, FrameShapes], list[str]]:
    """Areas with their values, and remarks on what was taken as gas and what was left out."""
    shapes = [shape for image in frames.values() for shape in image.shapes]
    values = {shape.label: _value(shape.label, labelmap) for shape in shapes if shape.area}
    kinds = Counter(shape.kind for shape in shapes if not shape.area)
    told = ", ".join(f"{kind} {count}" for kind, count in kinds.items())
    # Where somebody drew a box, there is something, but not known which pixels.
    kept = {
        number: _drawn(image, values)
        for number, image in frames.items()
        if not image.shapes or any(shape.area for shape in image.shapes)
    }
    if not kept:
        raise FootageError(
            f"no image has a polygon or a mask, only other shapes ({told}); annotate areas"
        )
    remarks = []
    if not labelmap and len(values) > 1:
        remarks.append(f"labels {', '.join(values)} were all taken as gas; otherwise {HINT}")
    if kinds:
        remarks.append(
            f"{kinds.total()} shapes other than polygons and masks were left out ({told}), and "
            f"with them {len(frames) - len(kept)} frames that have nothing else"
        )
    return kept, remarks


def _value(label: str, labelmap: Mapping[str, Meaning]) -> int:
    if label in labelmap or not labelmap:
        return VALUE[labelmap.get(label, "gas")]
    raise FootageError(
        f"the label {label} is not in ingest.masks.labelmap, which knows {', '.join(labelmap)}"
        f"{did_you_mean(label, labelmap)}; add it"
    )


def _drawn(image: AnnotatedImage, values: Mapping[str, int]) -> FrameShapes:
    drawn = sorted(image.shapes, key=lambda shape: shape.z_order)
    areas = tuple((shape.area, values[shape.label]) for shape in drawn if shape.area)
    return FrameShapes(str(image.frame), image.size, areas)


def _count(things: Sequence[Path | str | int], what: str) -> str:
    first = things[0].name if isinstance(things[0], Path) else things[0]
    return f"{len(things)} {what}{'s' * (len(things) > 1)} (the first is {first})"
