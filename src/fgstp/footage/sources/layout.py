"""Layouts of footage folders: which entries are footage, which are masks, and which are neither."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from fgstp.footage.frame_sources import STACK_SUFFIXES
from fgstp.footage.pictures import natural_key
from fgstp.footage.sources.entries import walk, why_out_of_reach
from fgstp.footage.sources.mask_places import (
    DOCUMENT_SUFFIXES,
    EXPORT_SUFFIXES,
    FRAME_FOLDERS,
    are_usable,
    mask_candidates,
    masks_in,
    same_name,
    without_mask_word,
)
from fgstp.footage.video import RefusedVideo, fault_of_name
from fgstp.footage.video_file import VIDEO_SUFFIXES

RAW_FORMATS = {
    **dict.fromkeys((".seq", ".csq", ".fff", ".ats", ".sfmov", ".ptw"), "a radiometric recording"),
    ".cptv": "a recording of a Lepton camera",
    **dict.fromkeys((".npy", ".npz", ".h5", ".hdf5", ".mat", ".raw", ".bin"), "an array"),
}
Kind = tuple[Path, str]  # of files: their folder, and their suffix
MANY = 10  # files of one kind in a folder; more are refused in one sentence
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
    documents, others = defaultdict[Kind, list[Path]](list), defaultdict[Kind, list[str]](list)
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
            documents[path.parent, path.suffix.lower()].append(path)
        else:
            others[path.parent, path.suffix.lower()].append(name)
    for (_, suffix), alike in others.items():
        named = alike if len(alike) <= MANY else alike[:1]
        layout.refused |= dict.fromkeys(named, _why_not(suffix, alike))
    names = sorted(layout.footage, key=lambda name: natural_key(Path(name)))
    layout.footage = {name: layout.footage[name] for name in names}
    _refuse_masks_as_video(layout)
    _assign_masks(layout, places, root)
    _name_documents(layout, documents)
    return layout


def _name(path: Path, root: Path, layout: Layout) -> str:
    """Path of an entry, shortened unless another one has that name."""
    parts = path.relative_to(root).parts
    short = "/".join(part for part in parts if part.lower() not in FRAME_FOLDERS) or path.name
    taken = short in layout.footage or short in layout.refused
    return "/".join(parts) if taken else short


def _refuse_masks_as_video(layout: Layout) -> None:
    """Refuse `clip_mask.mp4` beside `clip.mp4`, which would be taken for footage."""
    known = {(path.parent, same_name(path.stem)) for path in layout.footage.values()}
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
    known_masks_in = cache(masks_in)
    n_in = Counter(path.parent for path in layout.footage.values())
    used: set[Path] = set()
    for name, path in [*layout.footage.items()]:
        is_alone = n_in[path.parent] == 1
        found = [*dict.fromkeys(mask_candidates(path, root, known_masks_in, is_alone=is_alone))]
        found = [each for each in found if are_usable(each)] or found[:1]
        used |= set(found)
        if found and why_out_of_reach(found[0]):  # told of the footage, in place of itself
            layout.refused.pop(found[0].relative_to(root).as_posix(), None)
        if len(found) > 1:
            layout.refused[name] = f"{found[0]} and {found[1]} could both be its masks; remove one"
            del layout.footage[name]
        elif found:
            layout.masks[name] = found[0]
    _refuse_shared_masks(layout)
    for name, path in [*layout.footage.items()]:  # `clipmasks/` beside `clip.mp4`, for instance
        if name in layout.refused or (path in used and layout.masks.get(name) != path):
            del layout.footage[name]
    on_the_way = {parent for each in used for parent in each.parents}
    for place in places:
        for unused in _unused(place, used, on_the_way):
            layout.refused[unused.relative_to(root).as_posix()] = NO_FOOTAGE


def _refuse_shared_masks(layout: Layout) -> None:
    """Refuse footage of which the names differ in their spelling only, so that masks fit both."""
    names_of = defaultdict[Path, list[str]](list)
    for name, masks in layout.masks.items():
        names_of[masks].append(name)
    for masks, names in names_of.items():
        if len({video_id(name) for name in names}) > 1 and not why_out_of_reach(masks):
            shared = f"{masks} could be the masks of {' and of '.join(names)}; rename one"
            layout.refused |= dict.fromkeys(names, shared)


def _name_documents(layout: Layout, documents: Mapping[Kind, list[Path]]) -> None:
    """Name what is not read as masks, of many of one kind the first."""
    masks = {*layout.masks.values()}
    for (folder, suffix), paths in documents.items():
        is_read = folder in masks and suffix in (*EXPORT_SUFFIXES, ".txt")
        names = [path.name for path in paths if path not in masks and not is_read]
        more = f" and {len(names) - 1} others like it"
        layout.documents += names if len(names) <= MANY else [names[0] + more]


def _unused(place: Path, used: set[Path], on_the_way: set[Path]) -> Iterator[Path]:
    """Entries of a tree of masks that belong to no footage."""
    if place in used or place.name.startswith(".") or place.suffix.lower() in DOCUMENT_SUFFIXES:
        return
    if place not in on_the_way:
        yield place
        return
    for each in sorted(place.iterdir()):
        yield from _unused(each, used, on_the_way)


def _why_not(suffix: str, names: list[str]) -> str:
    """Why files of one folder and suffix are no footage; of many, one is named for all."""
    more = f" ({len(names)} files end in {suffix})" if len(names) > MANY else ""
    what = RAW_FORMATS.get(suffix)
    if what is not None:
        return (
            f"it is {what}, which is not read; export it as video of 8 bits (mp4, avi) or "
            f"as TIFF pictures of 16 bits{more}"
        )
    return f"it is of a kind that is not read{more}; convert it to mp4, or move it elsewhere"


def video_id(name: str) -> str:
    """Make the id of footage: its path in the folder without suffix, with underscores."""
    path = Path(name)
    known = path.suffix.lower() in VIDEO_SUFFIXES | STACK_SUFFIXES
    return "_".join((path.with_suffix("") if known else path).parts)
