"""YOLO for segmentation: a text file for each image, a line for each polygon."""

import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from fgstp.core.errors import FootageError
from fgstp.footage.annotation_formats.base import AnnotatedImage, Shape, read_text, told
from fgstp.footage.areas import Polygon

YOLO_LINE = re.compile(r"\d+(\s+[-+.\deE]+){4,}")
# Files that name the classes, as Ultralytics, labelImg and Darknet have them.
CLASS_NAMES = ("data.yaml", "data.yml", "classes.txt", "obj.names")


def read_yolo(lines: list[str], name: str) -> AnnotatedImage:
    """The image of a file; its labels are numbers of classes, its size is not told.

    Args:
        lines: the lines that are not empty.
        name: of the file, which is that of the image.

    Raises:
        FootageError: a line is no polygon.
    """
    shapes = []
    for place, line in enumerate(lines, start=1):
        with told(f"{name}, line {place}"):
            label, *numbers = line.split()
            # Four numbers are a box, and five one with its confidence.
            is_box = len(numbers) in (4, 5)
            area = None if is_box else Polygon.of(numbers, relative=True)
            shapes.append(Shape(label, "box" if is_box else "polygon", area))
    return AnnotatedImage(name, None, shapes)


def read_class_names(path: Path) -> Mapping[str, str]:
    """Names of classes by number, from a file of one of the `CLASS_NAMES`.

    Raises:
        FootageError: the file has no names.
    """
    names: object = read_text(path).splitlines()
    if path.suffix in (".yaml", ".yml"):
        try:
            document = yaml.safe_load(read_text(path))
        except (yaml.YAMLError, RecursionError) as error:
            raise FootageError(f"{path.name} is no sound YAML; correct it") from error
        names = document.get("names") if isinstance(document, dict) else None
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not all(isinstance(each, str) for each in names.values()):
        raise FootageError(f"{path.name} does not name the classes under `names`; add them")
    return {str(number): name.strip() for number, name in names.items()}
