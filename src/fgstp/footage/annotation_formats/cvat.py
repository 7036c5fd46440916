"""CVAT 1.1, as XML: for images, a list of them; for video, tracks of shapes."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

from fgstp.footage.annotation_formats.base import (
    AnnotatedImage,
    Shape,
    checked_image,
    read_content,
    told,
)
from fgstp.footage.areas import Polygon, Runs, run_lengths

MAX_FRAMES = 10**6  # eleven hours at 25 Hz


class _WithoutDoctype(ElementTree.TreeBuilder):
    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        """Refuse what may define entities, which can grow without bound."""
        raise ValueError(f"it has a document type, {name}")


def parse_xml(path: Path) -> ElementTree.Element:
    """The root of an XML file.

    Raises:
        FootageError: it is broken, too large, or has a document type.
    """
    content = read_content(path)
    parser = ElementTree.XMLParser(target=_WithoutDoctype())
    with told(path.name, "it is no sound XML"):
        try:
            parser.feed(content)
            return parser.close()
        except (ElementTree.ParseError, LookupError) as error:
            raise ValueError(str(error)) from error


def read_cvat(root: ElementTree.Element, name: str) -> list[AnnotatedImage]:
    """Images or frames of an export; without images it is one of a video.

    All frames of a task of a video count as looked through, but for those that a track skips:
    between two shapes it goes on, and nobody tells where.

    Args:
        root: the element `annotations`.
        name: of the file.

    Raises:
        FootageError: something is missing or impossible.
    """
    with told(name):
        images = root.findall("image")
        if not images:
            return _read_video(root)
        names = [_attribute(image, "name") for image in images]
    read = []
    for image, image_name in zip(images, names, strict=True):
        with told(f"{name}, image {image_name}"):
            size = _whole(image, "height"), _whole(image, "width")
            drawn = [_shape(each, each.get("label", "")) for each in image if each.tag != "tag"]
            read.append(checked_image(image_name, size, drawn))
    return read


def _read_video(root: ElementTree.Element) -> list[AnnotatedImage]:
    """Frames are numbered as in the video, whatever part or step of it the task has."""
    tasks = root.findall("meta//original_size/..")
    if len(tasks) != 1:
        raise ValueError(f"it has {len(tasks)} tasks that tell the size of a video, but needs one")
    shapes: dict[int, list[Shape]] = {number: [] for number in _task_frames(tasks[0])}
    skipped: set[int] = set()
    for track in root.iterfind("track"):
        skipped.update(*_skipped_frames(track))
        for element in track:
            if element.get("outside") == "1":
                continue
            number = _whole(element, "frame")
            if number not in shapes:
                raise ValueError(f"frame {number} of a track is not among those of the task")
            shapes[number].append(_shape(element, track.get("label", "")))
    original = tasks[0].findall("original_size")[0]
    size = _whole(original, "height"), _whole(original, "width")
    return [
        checked_image(number, size, drawn)
        for number, drawn in shapes.items()
        if number not in skipped
    ]


def _skipped_frames(track: ElementTree.Element) -> Iterator[range]:
    """Frames between those of a track in which it goes on without a shape."""
    steps = sorted((_whole(each, "frame"), each.get("outside") != "1") for each in track)
    for (first, is_shown), (then, _) in pairwise(steps):
        if is_shown:
            yield range(first + 1, then)


def _task_frames(task: ElementTree.Element) -> range:
    start, stop = _whole(task, "start_frame"), _whole(task, "stop_frame")
    step = re.search(r"step=(\d{1,9})", task.findtext("frame_filter") or "")
    frames = range(start, stop + 1, max(1, int(step[1])) if step else 1)
    if start < 0 or not 0 < len(frames) <= MAX_FRAMES:
        raise ValueError(f"its frames {start} to {stop} are impossible")
    return frames


def _shape(element: ElementTree.Element, label: str) -> Shape:
    area: Polygon | Runs | None = None
    if element.tag == "polygon":
        area = Polygon.of([pair.split(",") for pair in _attribute(element, "points").split(";")])
    elif element.tag == "mask":
        left, top, width, height = (
            _whole(element, name) for name in ("left", "top", "width", "height")
        )
        counts = run_lengths(_attribute(element, "rle").split(","))
        area = Runs(left, top, width, height, counts)
    z_order = _whole(element, "z_order") if element.get("z_order") else 0
    return Shape(label, element.tag, area, z_order)


def _attribute(element: ElementTree.Element, name: str) -> str:
    """An attribute of an element, or the text of a child."""
    text = element.get(name) or element.findtext(name)
    if not text:
        raise ValueError(f"{name} of {element.tag} is missing")
    return text


def _whole(element: ElementTree.Element, name: str) -> int:
    text = _attribute(element, name)
    if not re.fullmatch(r"\s*-?\d{1,12}\s*", text):
        raise ValueError(f"{name} of {element.tag} is {text[:20]}, not a whole number")
    return int(text)
