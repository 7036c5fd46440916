"""Masks on disk: a folder with a picture for each annotated frame, or several to be joined."""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fgstp.core.errors import FootageError, printable
from fgstp.core.files import check_regular_file, is_folder
from fgstp.core.fingerprint import signature
from fgstp.footage.annotations import find_annotations
from fgstp.footage.mask_pictures import MaskReader, Meaning, fit_mask
from fgstp.footage.packed_masks import GAS, VOID
from fgstp.footage.pictures import (
    PICTURE_SUFFIXES,
    check_names,
    composed,
    list_pictures,
    read_picture,
    told_together,
)

MAX_DEPTH = 4
MASKS_OF_CVAT = "SegmentationClass"  # beside one by object

# Numbers of the frames that masks with these names belong to; None: of no frame.
FrameNumbers = Callable[[Sequence[str]], list[int | None]]


class Masks(Protocol):
    """Masks of the annotated frames of a video."""

    @property
    def numbers(self) -> Collection[int]:
        """Numbers of the annotated frames, from 0."""

    def signature(self) -> str:
        """String that changes whenever the masks may have changed; quick to compute."""

    def read(self, number: int, size: tuple[int, int]) -> NDArray[np.uint8]:
        """Read the mask of a frame of this size: (H, W) uint8: 0, 1 for gas, 255 for void."""

    @property
    def remarks(self) -> Sequence[str]:
        """Sentences for the video table about the masks that were read."""


def find_masks(place: Path, footage: Path, labelmap: Mapping[str, Meaning]) -> Masks:
    """Find the masks of a video.

    Args:
        place: folder of mask pictures or of an export of an annotation tool, or its one file.
        footage: file of the video, or its folder of frames.
        labelmap: meaning of the labels, see `MaskReader`.

    Raises:
        FootageError: there is no mask, or a mask belongs to no frame.
    """
    if not is_folder(place):
        check_regular_file(place)
    frames = list_pictures(footage) if footage.is_dir() else []
    frame_numbers = partial(places_of_names, frames=frames) if frames else numbers_in_names
    found = find_annotations(place, frame_numbers, labelmap, frozenset(frames))
    if found is None and (place == footage or not place.is_dir()):
        raise FootageError(
            f"{place.name} is neither a folder of masks nor an export of CVAT, COCO, labelme, "
            "Label Studio or YOLO; unpack, convert, rename or remove it"
        )
    return found or MaskFolder(place, frame_numbers, labelmap)


def _innermost(folder: Path) -> Path:
    """The folder that holds the pictures, where an archive or a tool put it into another."""
    for _ in range(MAX_DEPTH):
        if list_pictures(folder):
            break
        inside = [each for each in folder.iterdir() if is_folder(each) and each.name[0] != "."]
        classes = [each for each in inside if each.name == MASKS_OF_CVAT]
        if len(classes or inside) != 1:
            break
        folder = (classes or inside)[0]
    return folder


class MaskFolder:
    """A folder of mask pictures.

    Attributes:
        folder: the folder.
        files: mask files by the number of the frame, from 0; several files are joined.
        labelmap: meaning of the labels, see `MaskReader`.
    """

    def __init__(
        self, folder: Path, frame_numbers: FrameNumbers, labelmap: Mapping[str, Meaning]
    ) -> None:
        """Find the masks of a folder.

        Args:
            folder: the folder.
            frame_numbers: numbers of the frames that masks with these names belong to.
            labelmap: meaning of the labels.

        Raises:
            FootageError: there is no mask, a mask belongs to no frame, or two have one name.
        """
        self.folder = _innermost(folder)
        self.files: dict[int, list[Path]] = {}
        self._reader = MaskReader(labelmap)
        self._remarks: dict[str, None] = {}
        self._names_of = defaultdict[str, list[str]](list)  # by the remarks on their pictures
        if self.folder != folder:
            inner = self.folder.relative_to(folder)
            self._remarks[f"masks are those in {inner}; what lies beside is passed over"] = None
        paths = [path for path in list_pictures(self.folder) if not path.is_dir()]
        self._check_names(paths)
        numbers = frame_numbers([path.stem for path in paths])
        strays = [path for path, number in zip(paths, numbers, strict=True) if number is None]
        if strays:
            raise FootageError(
                f"{len(strays)} of the {len(paths)} masks in {self.folder} belong to no frame, the "
                f"first is {strays[0].name}; name a mask like its frame, or by the number of the "
                "frame from 0"
            )
        for path, number in zip(paths, numbers, strict=True):
            if number is not None:
                self.files.setdefault(number, []).append(path)
        joined = next((files for files in self.files.values() if len(files) > 1), [])
        if joined:
            pair = " and ".join(printable(path.name) for path in joined[:2])
            self._remarks[f"several masks of a frame are joined, such as {pair}"] = None

    def _check_names(self, paths: list[Path]) -> None:
        """See that the folder holds masks, and that no name means the same as another."""
        others = sorted(
            printable(each.name)
            for each in {*self.folder.iterdir()} - {*paths}
            if not each.name.startswith(".")
        )
        if not paths:
            found = f"only {', '.join(others[:3])}" if others else "nothing"
            raise FootageError(
                f"the folder of masks {self.folder} holds {found}, but masks are pictures "
                f"({', '.join(sorted(PICTURE_SUFFIXES))}) or exports of annotation tools; convert "
                "them, or remove the folder"
            )
        if others:
            first = ", ".join(others[:3])
            self._remarks[f"{len(others)} entries are no masks and passed over: {first}"] = None
        check_names(paths)

    @property
    def numbers(self) -> Collection[int]:
        """Numbers of the annotated frames, from 0."""
        return self.files.keys()

    def signature(self) -> str:
        """Hash of names, sizes and times of change."""
        return signature(path for files in self.files.values() for path in files)

    def read(self, number: int, size: tuple[int, int]) -> NDArray[np.uint8]:
        """Read the mask of a frame of this size: (H, W) uint8: 0, 1 for gas, 255 for void.

        Raises:
            FootageError: a mask is unreadable, ambiguous, or does not fit its frame.
        """
        mask, *more = [self._read(path, size) for path in self.files[number]]
        if not more:
            return mask
        masks = np.stack([mask, *more])
        gas, void = (masks == GAS).any(axis=0), (masks == VOID).any(axis=0)
        return np.where(gas, GAS, np.where(void, VOID, 0)).astype(np.uint8)

    def _read(self, path: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
        try:
            picture = read_picture(path)
            mask, remark = fit_mask(self._reader.read(picture), size)
        except FootageError as error:
            raise FootageError(f"the mask {path.name} in {self.folder}: {error}") from error
        for told in picture.remarks:
            self._names_of[told].append(path.name)
        if remark:
            self._remarks[remark] = None
        return mask

    @property
    def remarks(self) -> Sequence[str]:
        """Sentences for the video table about the masks that were read."""
        of_pictures = [f"of masks: {told}" for told in told_together(self._names_of)]
        return [*self._remarks, *self._reader.remarks, *of_pictures]


def numbers_in_names(names: Sequence[str]) -> list[int | None]:
    """Numbers of the frames of a video file that masks belong to, from their names.

    Of several numbers in a name, that of the frame is the one that varies most from mask to mask,
    the last of equals: `frame_0007_gas_1` is of frame 7 if `frame_0008_gas_1` is there too.

    Raises:
        FootageError: two numbers vary as much, and not together.
    """
    numbers = [[int(each) for each in re.findall(r"\d+", name)] for name in names]
    known = [each for each in numbers if each]
    n_places = min(map(len, known), default=0)
    variety = [len({each[place] for each in known}) for place in range(n_places)]
    best = max(range(n_places), key=lambda place: (variety[place], place), default=0)
    for place in range(n_places):
        n_pairs = len({(each[best], each[place]) for each in known})
        if n_pairs > variety[best] and variety[place] == variety[best]:
            raise FootageError(
                f"names such as {names[0]} hold two numbers that vary, and either could be that of "
                "the frame; name masks by the number of their frame from 0"
            )
    return [each[best] if each else None for each in numbers]


def places_of_names(names: Sequence[str], frames: Sequence[Path]) -> list[int | None]:
    """Numbers of the frames of a folder that masks belong to, from the names of both.

    A mask has the name of its frame, which may go on after a separator (`0007_mask`), or else
    the number that only its frame has.
    """
    names = [composed(name) for name in names]
    place_of = {composed(path.stem): place for place, path in enumerate(frames)}
    found = [_place_by_name(name, place_of) for name in names]
    if None not in found:
        return found
    of_number = dict(zip(numbers_in_names([*place_of]), place_of.values(), strict=True))
    if len(of_number) < len(place_of) or any(place is not None for place in found):
        return found
    return [None if each is None else of_number.get(each) for each in numbers_in_names(names)]


def _place_by_name(name: str, place_of: Mapping[str, int]) -> int | None:
    if name in place_of:
        return place_of[name]
    for end in range(len(name) - 1, 0, -1):
        if not name[end].isalnum() and name[:end] in place_of:
            return place_of[name[:end]]
    return None
