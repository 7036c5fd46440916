"""Layouts of footage folders: which entries are footage, which are masks, and which are neither."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fgstp.footage.frame_sources import STACK_SUFFIXES
from fgstp.footage.pictures import PICTURE_SUFFIXES, natural_key
from fgstp.footage.video_file import VIDEO_SUFFIXES

FRAME_FOLDERS = frozenset({"images", "imgs", "frames", "jpegimages"})
MASK_FOLDERS = ("masks", "gt", "groundtruth", "annotations", "labels", "segmentationclass")
MASK_ENDINGS = ("_masks", "_mask", "_gt", "_groundtruth", "_annotations", "_labels", "_seg")
EXPORT_SUFFIXES = frozenset({".json", ".xml"})
DOCUMENT_SUFFIXES = frozenset(
    {".txt", ".md", ".rst", ".pdf", ".csv", ".tsv", ".xlsx", ".docx", ".html", ".yml", ".yaml"}
    | {".json", ".xml", ".log", ".zip", ".dvc"}
)
RAW_FORMATS = {
    **dict.fromkeys((".seq", ".csq", ".fff", ".ats", ".sfmov", ".ptw"), "a radiometric recording"),
    ".cptv": "a recording of a Lepton camera",
    **dict.fromkeys((".npy", ".npz", ".h5", ".hdf5", ".mat", ".raw", ".bin"), "an array"),
}
MAX_DEPTH = 8


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


def read_layout(root: Path, ignored: frozenset[Path] = frozenset()) -> Layout:
    """Look through a folder and its sub-folders; hidden entries are passed over.

    Found are video files; folders of frames; their masks beside them (`name_masks/`,
    `name_mask/`, `name_gt/`), or in `name/masks/`, `name/GT/` beside `name/images/`,
    `name/Imgs/`; and pairs of trees such as `JPEGImages/` and `Annotations/`.

    Args:
        root: the folder.
        ignored: paths in it that are something else, such as its table.
    """
    layout, places = Layout(), list[Path]()
    for path, is_mask, fault in _entries(root, ignored, depth=0):
        name = _name(path, root)
        if fault:
            layout.refused[name] = fault
        elif is_mask:
            places.append(path)
        elif path.is_dir() or path.suffix.lower() in VIDEO_SUFFIXES | STACK_SUFFIXES:
            layout.footage[name] = path
        elif path.suffix.lower() in DOCUMENT_SUFFIXES:
            layout.documents.append(path.name)
        else:
            layout.refused[name] = _why_not(path)
    layout.footage = {name: layout.footage[name] for name in sorted(layout.footage, key=_order)}
    _assign_masks(layout, places, root)
    return layout


def _assign_masks(layout: Layout, places: list[Path], root: Path) -> None:
    """Give each piece of footage its masks; refuse what is ambiguous, and masks of nothing."""
    used: set[Path] = set()
    for name, path in [*layout.footage.items()]:
        found = [place for place in _mask_candidates(path, root) if place.exists()]
        used |= {each for place in found for each in (place, *place.parents)}
        if len(found) > 1:
            layout.refused[name] = f"{found[0]} and {found[1]} could both be its masks; remove one"
            del layout.footage[name]
        elif found:
            layout.masks[name] = found[0]
    for place in set(places) - used:
        layout.refused[place.relative_to(root).as_posix()] = (
            "it holds masks, but there is no footage of that name beside it; rename or remove it"
        )


def _order(name: str) -> tuple[tuple[int, int | str], ...]:
    return natural_key(Path(name))


def _name(path: Path, root: Path) -> str:
    parts = [part for part in path.relative_to(root).parts if part.lower() not in FRAME_FOLDERS]
    return "/".join(parts) or path.name


def _entries(
    folder: Path, ignored: frozenset[Path], depth: int
) -> Iterator[tuple[Path, bool, str]]:
    """Each entry that matters: its path, whether it is a folder of masks, and what is wrong."""
    try:
        paths = sorted(Path(each.path) for each in os.scandir(folder))
    except OSError as error:
        yield (
            folder,
            False,
            f"it cannot be read: {error.strerror}; allow it or remove it",
        )
        return
    paths = [path for path in paths if not path.name.startswith(".") and path not in ignored]
    pictures = [path for path in paths if _is_picture(path)]
    stacks = depth == 0 or len(pictures) == 1  # a lone TIFF is a stack
    if pictures and not (stacks and all(_is_stack(path) for path in pictures)):
        if depth == 0:
            fault = "pictures lie directly in the folder of footage; put them into one of their own"
            yield pictures[0], False, f"{len(pictures)} {fault}"
        else:
            yield folder, False, ""
        paths = [path for path in paths if path not in set(pictures)]
    for path in paths:
        if not path.exists():
            what = "is a link to nothing; bring its file here, for instance by `dvc pull`"
            yield path, False, f"it {what}, or remove it"
        elif path.is_dir() and _is_mask_folder(path):
            yield path, True, ""
        elif not path.is_dir():
            yield path, False, ""
        elif depth == MAX_DEPTH:
            yield path, False, f"it lies more than {MAX_DEPTH} folders deep; move it up"
        else:
            inside = [*_entries(path, ignored, depth + 1)]
            empty = "it holds neither a video nor pictures; put some there or remove it"
            yield from inside or [(path, False, empty)]


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in PICTURE_SUFFIXES and not path.is_dir()


def _is_stack(path: Path) -> bool:
    return path.suffix.lower() in STACK_SUFFIXES


def _is_mask_folder(path: Path) -> bool:
    name = path.name.lower()
    return name in MASK_FOLDERS or name.endswith(MASK_ENDINGS)


def _mask_candidates(path: Path, root: Path) -> Iterator[Path]:
    """Where the masks of some footage could be."""
    stem = path.name if path.is_dir() else path.stem
    beside = {each.name.lower(): each for each in path.parent.iterdir()}
    for ending in MASK_ENDINGS:
        if (place := beside.get((stem + ending).lower())) is not None:
            yield place
    if not path.is_dir():
        for suffix in EXPORT_SUFFIXES:
            yield path.with_suffix(suffix)
    else:
        yield from (each for each in path.iterdir() if each.is_dir() and _is_mask_folder(each))
    for ancestor in [path, *path.parents]:
        if ancestor == root:
            return
        if ancestor.name.lower() in FRAME_FOLDERS:
            for place in ancestor.parent.iterdir():
                if place.name.lower() in MASK_FOLDERS:
                    yield place / path.relative_to(ancestor)


def _why_not(path: Path) -> str:
    what = RAW_FORMATS.get(path.suffix.lower())
    if what is not None:
        return (
            f"it is {what}, which is not read; export it as video of 8 bits (mp4, avi) or "
            "as TIFF pictures of 16 bits"
        )
    return "it is of a kind that is not read; convert it to mp4, or move it elsewhere"
