"""Walking through a folder of footage: its files, folders of frames and folders of masks."""

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from fgstp.core.files import is_folder
from fgstp.footage.frame_sources import STACK_SUFFIXES, are_stacks
from fgstp.footage.pictures import PICTURE_SUFFIXES
from fgstp.footage.sources.mask_places import without_mask_word

MAX_DEPTH = 8
# What systems and network drives leave in folders.
SYSTEM_FOLDERS = frozenset(
    {"__MACOSX", "@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information", "lost+found"}
)


class Entry(NamedTuple):
    """A path that matters, and why it cannot be used; empty if it can."""

    path: Path
    fault: str = ""


def walk(folder: Path, ignored: frozenset[Path], above: tuple[Path, ...] = ()) -> Iterator[Entry]:
    """Files, folders of frames and folders of masks in a folder and below it.

    `above` are the folders that it lies in, without links.
    """
    above = (*above, folder.resolve())
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        yield Entry(folder, f"it cannot be read: {error.strerror}; allow it or remove it")
        return
    paths = [path for path in paths if not _is_hidden(path) and path not in ignored]
    pictures = [path for path in paths if _is_picture(path)]
    if pictures and not _are_stacks(pictures, len(above) == 1):
        yield _frames(folder, pictures, len(above) == 1)
        paths = [path for path in paths if not _is_picture(path)]
    for path in paths:
        if fault := why_out_of_reach(path):
            yield Entry(path, fault)
        elif not path.is_dir() or without_mask_word(path.name) is not None:
            yield Entry(path)
        elif path.resolve() in above:
            yield Entry(path, "it is a link to a folder that it lies in; remove it")
        elif len(above) > MAX_DEPTH:
            yield Entry(path, f"it lies more than {MAX_DEPTH} folders deep; move it up")
        else:
            inside = [*walk(path, ignored, above)]
            empty = "it holds neither a video nor pictures; put some there or remove it"
            yield from inside or [Entry(path, empty)]


def _frames(folder: Path, pictures: list[Path], is_root: bool) -> Entry:
    """A folder of pictures, unless they are not all frames."""
    if is_root:
        fault = "pictures lie directly in the folder of footage; put them into one of their own"
        return Entry(pictures[0], f"{len(pictures)} {fault}")
    masks = [path for path in pictures if without_mask_word(path.stem) is not None]
    if not masks:
        return Entry(folder)
    return Entry(
        folder,
        f"{len(masks)} of its {len(pictures)} pictures seem to be masks, such as {masks[0].name}; "
        "put masks into a folder of their own, or rename them",
    )


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".") or path.name in SYSTEM_FOLDERS


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in PICTURE_SUFFIXES and not is_folder(path)


def _are_stacks(pictures: list[Path], is_root: bool) -> bool:
    """Whether each picture is a video: a TIFF file of several pages, or one that lies alone."""
    if is_root:
        return all(path.suffix.lower() in STACK_SUFFIXES for path in pictures)
    return are_stacks(pictures)


def why_out_of_reach(path: Path) -> str:
    """Why there is nothing to read behind a path; empty if there is."""
    try:
        path.stat()
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP):  # it is listed, so it is a link
            what = "is a link to nothing; bring its file here, for instance by `dvc pull`"
            return f"it {what}, or remove it"
        return f"it cannot be read: {error.strerror}; allow it or remove it"
    return ""
