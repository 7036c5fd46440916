"""Layouts of footage folders: which entries are footage, which are masks, and which are neither."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from fgstp.core.files import is_folder
from fgstp.footage.annotation_formats import holds_annotations
from fgstp.footage.frame_sources import STACK_SUFFIXES
from fgstp.footage.pictures import natural_key
from fgstp.footage.sources.entries import walk, without_mask_word
from fgstp.footage.video import RefusedVideo, fault_of_name
from fgstp.footage.video_file import VIDEO_SUFFIXES

FRAME_FOLDERS = frozenset(
    {"images", "image", "imgs", "img", "frames", "jpegimages", "videos"}  # their names say no more
)
EXPORT_SUFFIXES = (".json", ".xml")
DOCUMENT_SUFFIXES = frozenset(
    {".txt", ".md", ".rst", ".pdf", ".csv", ".tsv", ".xlsx", ".docx", ".html", ".yml", ".yaml"}
    | {".json", ".xml", ".log", ".zip", ".dvc", ".srt", ".ini", ".db"}
)
PACKED = frozenset({".zip", ".dvc"})  # documents that may stand for masks
RAW_FORMATS = {
    **dict.fromkeys((".seq", ".csq", ".fff", ".ats", ".sfmov", ".ptw"), "a radiometric recording"),
    ".cptv": "a recording of a Lepton camera",
    **dict.fromkeys((".npy", ".npz", ".h5", ".hdf5", ".mat", ".raw", ".bin"), "an array"),
}
NO_FOOTAGE = "it holds masks, but there is no footage of that name beside it; rename or remove it"


@dataclass
class Layout:
    """What a folder of footage holds.

    Attributes:
        footage: video files and folders of frames, by their path in the folder, without the names
            of folders that only say that frames are in them.
        masks: folder or file of masks of each of them, if it has any.
        refused: a reason for each entry that should be footage or masks, but cannot be.
        documents: files that are neither, such as notes.
    """

    footage: dict[str, Path] = field(default_factory=dict)
    masks: dict[str, Path] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    documents: list[str] = field(default_factory=list)

    def refused_videos(self) -> list[RefusedVideo]:
        """A row of the video table for each refused entry."""
        return [
            RefusedVideo(video_id(name), f"{name}: {why}") for name, why in self.refused.items()
        ]


def read_layout(root: Path, ignored: frozenset[Path] = frozenset()) -> Layout:
    """Look through a folder and its sub-folders; hidden entries are passed over.

    Found are video files and folders of frames; their masks beside them (`name_masks/`,
    `name_mask/`, `name_gt/`), or in `name/masks/`, `name/GT/` beside `name/images/`,
    `name/Imgs/`; and pairs of trees such as `JPEGImages/` and `Annotations/`.

    Args:
        root: the folder.
        ignored: paths in it that are something else, such as its table.
    """
    layout, places = Layout(), list[Path]()
    for path, fault in walk(root, ignored):
        name = _name(path, root, layout)
        if fault:
            layout.refused[name] = fault
        elif path.is_dir() and without_mask_word(path.name) is not None:
            places.append(path)
        elif path.is_dir() or path.suffix.lower() in VIDEO_SUFFIXES | STACK_SUFFIXES:
            if name_fault := fault_of_name(video_id(name)):
                layout.refused[name] = name_fault
            else:
                layout.footage[name] = path
        elif path.suffix.lower() in DOCUMENT_SUFFIXES:
            layout.documents.append(path.name)
        else:
            layout.refused[name] = _why_not(path)
    names = sorted(layout.footage, key=lambda name: natural_key(Path(name)))
    layout.footage = {name: layout.footage[name] for name in names}
    _refuse_masks_as_video(layout)
    _assign_masks(layout, places, root)
    return layout


def _name(path: Path, root: Path, layout: Layout) -> str:
    """Path of an entry, shortened unless another one has that name."""
    parts = path.relative_to(root).parts
    short = "/".join(part for part in parts if part.lower() not in FRAME_FOLDERS) or path.name
    taken = short in layout.footage or short in layout.refused
    return "/".join(parts) if taken else short


def _refuse_masks_as_video(layout: Layout) -> None:
    """Refuse `clip_mask.mp4` beside `clip.mp4`, which would be taken for footage."""
    known = {(path.parent, path.stem.lower()) for path in layout.footage.values()}
    for name, path in [*layout.footage.items()]:
        of = without_mask_word(path.stem)
        if of is not None and (path.parent, of) in known:
            del layout.footage[name]
            layout.refused[name] = (
                f"it seems to hold the masks of {of}, but masks are pictures; put one a frame into "
                f"a folder {of}_masks, or rename it"
            )


def _assign_masks(layout: Layout, places: list[Path], root: Path) -> None:
    """Give each piece of footage its masks; refuse what is ambiguous, and masks of nothing."""
    masks_in = cache(_masks_in)
    n_in = Counter(path.parent for path in layout.footage.values())
    used: set[Path] = set()
    for name, path in [*layout.footage.items()]:
        is_alone = n_in[path.parent] == 1
        found = [*dict.fromkeys(_mask_candidates(path, root, masks_in, is_alone=is_alone))]
        found = [each for each in found if _are_usable(each)] or found[:1]
        used |= set(found)
        if len(found) > 1:
            layout.refused[name] = f"{found[0]} and {found[1]} could both be its masks; remove one"
            del layout.footage[name]
        elif found:
            layout.masks[name] = found[0]
    on_the_way = {parent for each in used for parent in each.parents}
    for place in places:
        for unused in _unused(place, used, on_the_way):
            layout.refused[unused.relative_to(root).as_posix()] = NO_FOOTAGE


def _unused(place: Path, used: set[Path], on_the_way: set[Path]) -> Iterator[Path]:
    """Entries of a tree of masks that belong to no footage."""
    if place in used or place.name.startswith(".") or place.suffix.lower() in DOCUMENT_SUFFIXES:
        return
    if place not in on_the_way:
        yield place
        return
    for each in sorted(place.iterdir()):
        yield from _unused(each, used, on_the_way)


def _masks_in(folder: Path) -> list[Path]:
    """What a folder holds by the names of masks, and exports of annotation tools."""
    return [
        path
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in EXPORT_SUFFIXES
        or (path.suffix.lower() not in DOCUMENT_SUFFIXES - PACKED and _footage_of(path) is not None)
    ]


def _footage_of(masks: Path) -> str | None:
    """What the name of masks says of their footage, see `without_mask_word`."""
    of = without_mask_word(masks.name)
    return of if of is not None or is_folder(masks) else without_mask_word(masks.stem)


def _are_usable(masks: Path) -> bool:
    return is_folder(masks) or masks.suffix.lower() in EXPORT_SUFFIXES


def _mask_candidates(
    path: Path, root: Path, masks_in: Callable[[Path], list[Path]], *, is_alone: bool
) -> Iterator[Path]:
    """What could be the masks of some footage, which may lie alone in its folder."""
    is_file = not path.is_dir()
    stem = path.stem if is_file else path.name
    for each in masks_in(path.parent):
        if each.suffix.lower() in EXPORT_SUFFIXES:
            if is_file and each.stem == stem and holds_annotations(each):
                yield each
        elif _footage_of(each) == stem.lower():
            yield each
        elif _footage_of(each) == "":
            yield from _own_part(each, Path(stem), is_own=is_file and is_alone)
    if not is_file:
        yield from (each for each in masks_in(path) if _footage_of(each) == "")
    for ancestor in [path, *path.parents]:
        if ancestor == root:
            return
        if ancestor.name.lower() in FRAME_FOLDERS:
            own = path.relative_to(ancestor)
            own = own.with_suffix("") if is_file else own
            for each in masks_in(ancestor.parent):
                if _footage_of(each) == "":
                    yield from _own_part(each, own)


def _own_part(masks: Path, own: Path, *, is_own: bool = False) -> Iterator[Path]:
    """What some footage has of the masks of several, which may be its own as a whole."""
    if os.path.lexists(masks / own):
        yield masks / own
    elif is_own or not _are_usable(masks):
        yield masks


def _why_not(path: Path) -> str:
    what = RAW_FORMATS.get(path.suffix.lower())
    if what is not None:
        return (
            f"it is {what}, which is not read; export it as video of 8 bits (mp4, avi) or "
            "as TIFF pictures of 16 bits"
        )
    return "it is of a kind that is not read; convert it to mp4, or move it elsewhere"


def video_id(name: str) -> str:
    """Make the id of footage: its path in the folder without suffix, with underscores."""
    path = Path(name)
    known = path.suffix.lower() in VIDEO_SUFFIXES | STACK_SUFFIXES
    return "_".join((path.with_suffix("") if known else path).parts)
