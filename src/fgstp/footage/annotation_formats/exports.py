"""The export of an annotation tool in a folder: its files, and the images that they annotate."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from fgstp.core.errors import FootageError
from fgstp.footage.annotation_formats import read_export
from fgstp.footage.annotation_formats.base import AnnotatedImage
from fgstp.footage.annotation_formats.yolo import CLASS_NAMES, read_class_names
from fgstp.footage.pictures import PICTURE_SUFFIXES, natural_key

EXPORT_SUFFIXES = frozenset({".xml", ".json", ".txt"})


class Export(NamedTuple):
    """What an annotation tool exported of a video.

    Attributes:
        files: files that it consists of.
        images: annotated images; their labels are names, where the export has names.
        beside: files that might hold masks too, but were not read.
    """

    files: tuple[Path, ...]
    images: list[AnnotatedImage]
    beside: list[Path]


def read_exports(folder: Path) -> Export | None:
    """Read the export that lies in a folder, at any depth, or is a file; None without any.

    Raises:
        FootageError: an export is broken, or there are several formats.
    """
    paths = _list_files(folder)
    kind, files = _read_all(paths, folder)
    if not files:
        return None
    images = [image for read in files.values() for image in read]
    names = _class_names_file(paths, folder) if kind == "YOLO" else []
    for path in names:
        images = _named(images, read_class_names(path), path.name)
    beside = [path for path in paths if path not in files and path.name not in CLASS_NAMES]
    return Export((*files, *names), images, beside)


def _list_files(folder: Path) -> list[Path]:
    """Files that may matter, in natural order; hidden ones are passed over."""
    paths = folder.rglob("*") if folder.is_dir() else [folder]
    suffixes = EXPORT_SUFFIXES | PICTURE_SUFFIXES
    return sorted(
        (
            path
            for path in paths
            if (path.suffix.lower() in suffixes or path.name in CLASS_NAMES)
            and not path.is_dir()
            and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        ),
        key=lambda path: (path.parent, natural_key(path)),
    )


def _read_all(paths: list[Path], folder: Path) -> tuple[str, dict[Path, list[AnnotatedImage]]]:
    """The format of the one export that is there, and its images by file."""
    exports: dict[str, dict[Path, list[AnnotatedImage]]] = {}
    for path in paths:
        export = read_export(path) if path.suffix.lower() in EXPORT_SUFFIXES else None
        if export:
            exports.setdefault(export[0], {})[path] = export[1]
    # Texts that are all empty are frames without gas only where YOLO left more than these.
    texts = exports.get("YOLO", {})
    if not any(image.shapes for [image] in texts.values()) and not _class_names_file(paths, folder):
        exports.pop("YOLO", None)
    if len(exports) > 1:
        firsts = (f"{next(iter(files)).name} of {kind}" for kind, files in exports.items())
        raise FootageError(
            f"{folder} holds exports of several formats, such as {' and '.join(firsts)}; keep one"
        )
    return next(iter(exports.items()), ("", {}))


def _class_names_file(paths: list[Path], folder: Path) -> list[Path]:
    """The file that names YOLO's classes, in the folder or beside it; empty if there is none."""
    beside = (folder.parent / name for name in CLASS_NAMES)
    inside = [path for path in paths if path.name in CLASS_NAMES]
    return (inside or [path for path in beside if path.is_file()])[:1]


def _named(
    images: list[AnnotatedImage], names: Mapping[str, str], source: str
) -> list[AnnotatedImage]:
    """Images whose labels are names of classes in place of their numbers."""
    named = []
    for image in images:
        unknown = [shape.label for shape in image.shapes if shape.label not in names]
        if unknown:
            raise FootageError(
                f"{image.frame} has the class {unknown[0]}, which {source} does not name; add it"
            )
        shapes = [shape._replace(label=names[shape.label]) for shape in image.shapes]
        named.append(image._replace(shapes=shapes))
    return named
