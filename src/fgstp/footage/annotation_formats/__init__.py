"""Formats of annotation tools: CVAT, COCO, labelme, Label Studio and YOLO, read file by file."""

import re
from pathlib import Path

import pydantic_core

from fgstp.core.errors import FootageError
from fgstp.footage.annotation_formats.base import AnnotatedImage, read_content, read_text, told
from fgstp.footage.annotation_formats.coco import read_coco
from fgstp.footage.annotation_formats.cvat import parse_xml, read_cvat
from fgstp.footage.annotation_formats.label_studio import read_label_studio
from fgstp.footage.annotation_formats.labelme import read_labelme
from fgstp.footage.annotation_formats.yolo import CLASS_NAMES, YOLO_LINE, read_yolo

# What exports of any tool have, whole or not, and other documents hardly.
ANNOTATION_WORDS = re.compile(
    rb"""
    "(shapes|annotations|categories|segmentations?|regions|polygons?|polygonlabels|brushlabels
    |exterior)"\s*:\s*[\[{]
    |<(annotations?|polygon|polyline|mask)[\s>]
    """,
    re.VERBOSE,
)


def read_export(path: Path) -> tuple[str, list[AnnotatedImage]] | None:
    """Read a file of an export, whatever its format.

    Returns:
        The name of the format, and the annotated images; None if it is of none of the formats.

    Raises:
        FootageError: the file is broken, too large, or has something that cannot be.
    """
    suffix = path.suffix.lower()
    if suffix == ".xml":
        root = parse_xml(path)
        return ("CVAT", read_cvat(root, path.name)) if root.tag == "annotations" else None
    if suffix == ".json":
        content = read_content(path).removeprefix(b"\xef\xbb\xbf")
        with told(path.name, "it is no sound JSON"):
            document = pydantic_core.from_json(content)
        match document:
            case {"images": [*_], "annotations": [*_]}:
                return "COCO", read_coco(document, path.name)
            case {"shapes": [*_], "imagePath": _}:
                return "labelme", [read_labelme(document, path.name)]
            case [{"annotations": [*_], "data": {}}, *_]:
                return "Label Studio", read_label_studio(document, path.name)
    if suffix == ".txt" and path.name not in CLASS_NAMES:
        lines = re.split(r"\s*\n\s*", read_text(path).strip())
        if lines == [""] or YOLO_LINE.fullmatch(lines[0]):
            return "YOLO", [read_yolo([line for line in lines if line], path.name)]
    return None


def holds_annotations(path: Path) -> bool:
    """Whether a file seems to be an export, of any tool and even broken, or cannot be read."""
    try:
        if path.suffix.lower() == ".txt":
            return YOLO_LINE.match(read_text(path)) is not None
        return ANNOTATION_WORDS.search(read_content(path)) is not None
    except FootageError:
        return True
