"""Where the masks of footage may lie, by the names of files and folders."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from fgstp.core.files import is_folder
from fgstp.footage.annotation_formats import holds_annotations
from fgstp.footage.pictures import composed, list_pictures

WORDS = (
    r"masks?|gt|ground[\W_]?truths?|annotations?|labels?|seg|segmentations?"
    r"|segmentation(?:class|object)"
)
# `clip_masks`, `clip-GT`, `mask_0001`, and `Annotations` alone; but not `seg_2` or `Umasked`.
MASK_NAME = re.compile(rf"(?:^|(?<=[\W_]))(?:{WORDS})$|^(?:masks?|gt)(?=[\W_])", re.IGNORECASE)
WORD_AT_END = re.compile(rf"(?:{WORDS})$", re.IGNORECASE)
FRAME_FOLDERS = frozenset(
    {"images", "image", "imgs", "img", "frames", "jpegimages", "videos"}  # their names say no more
)
EXPORT_SUFFIXES = (".json", ".xml")
DOCUMENT_SUFFIXES = frozenset(
    {".txt", ".md", ".rst", ".pdf", ".csv", ".tsv", ".xlsx", ".docx", ".html", ".yml", ".yaml"}
    | {".json", ".xml", ".log", ".zip", ".dvc", ".srt", ".ini", ".db"}
)
PACKED = frozenset({".zip", ".dvc"})  # documents that may stand for masks


def without_mask_word(name: str) -> str | None:
    """What a name of masks says of its footage, as `same_name`; None if it is no such name."""
    if not MASK_NAME.search(name):
        return None
    return same_name(MASK_NAME.sub("", name).strip("_-. "))


def same_name(name: str) -> str:
    """A spelling that names share which differ in the case or the composition of letters."""
    return composed(name).casefold()


def masks_in(folder: Path) -> list[Path]:
    """What a folder holds by the names of masks, and exports of annotation tools."""
    return [
        path
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in EXPORT_SUFFIXES
        or (
            path.suffix.lower() not in DOCUMENT_SUFFIXES - PACKED
            and (_footage_of(path) is not None or WORD_AT_END.search(path.name))
        )
    ]


def _footage_of(masks: Path) -> str | None:
    """What the name of masks says of their footage, see `without_mask_word`."""
    of = without_mask_word(masks.name)
    return of if of is not None or is_folder(masks) else without_mask_word(masks.stem)


def are_usable(masks: Path) -> bool:
    """Whether something is of a kind that masks can be: a folder, or an export."""
    return is_folder(masks) or masks.suffix.lower() in EXPORT_SUFFIXES


def mask_candidates(
    path: Path, root: Path, masks_in: Callable[[Path], list[Path]], *, is_alone: bool
) -> Iterator[Path]:
    """What could be the masks of some footage, also what stands there and cannot be used.

    Args:
        path: the footage.
        root: folder of all footage.
        masks_in: the function of that name, which may remember what it found.
        is_alone: whether no other footage is in its folder.
    """
    is_file = not path.is_dir()
    stem = path.stem if is_file else path.name
    for each in masks_in(path.parent):
        of = _footage_of(each)
        if each.suffix.lower() in EXPORT_SUFFIXES:
            if is_file and same_name(each.stem) == same_name(stem) and holds_annotations(each):
                yield each
        elif of in (same_name(stem), same_name(path.name)) or (
            of is None and same_name(WORD_AT_END.sub("", each.name)) == same_name(stem)
        ):
            yield each
        elif of == "":
            yield from _own_part(each, Path(stem), is_own=is_file and is_alone)
    if not is_file:
        inside = masks_in(path)
        yield from (each for each in inside if _footage_of(each) == "")
        if any(map(holds_annotations, _exports_beside_frames(path, inside))):
            yield path
    for ancestor in [path, *path.parents]:
        if ancestor == root:
            return
        if ancestor.name.lower() in FRAME_FOLDERS:
            own = path.relative_to(ancestor)
            own = own.with_suffix("") if is_file else own
            for each in masks_in(ancestor.parent):
                if _footage_of(each) == "":
                    yield from _own_part(each, own)


def _exports_beside_frames(frames: Path, known: list[Path]) -> Iterator[Path]:
    """Files that may be exports, in a folder of frames: of any name, or a text a frame."""
    yield from (each for each in known if each.suffix.lower() in EXPORT_SUFFIXES)
    stems = {each.stem for each in list_pictures(frames)}
    texts = (each for each in frames.iterdir() if each.suffix.lower() == ".txt")
    yield from sorted(each for each in texts if each.stem in stems)


def _own_part(masks: Path, own: Path, *, is_own: bool = False) -> Iterator[Path]:
    """What some footage has of the masks of several, which may be its own as a whole."""
    if os.path.lexists(masks / own):
        yield masks / own
    elif is_own or not are_usable(masks):
        yield masks
