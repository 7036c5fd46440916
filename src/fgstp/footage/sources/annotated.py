"""Source 3: the authors' annotated folders, `{train,val,test}/<clip>/{images,masks}/`."""

import re
from pathlib import Path

import pandas as pd

from fgstp.core.errors import UserError
from fgstp.footage.frame_sources import FrameFolder
from fgstp.footage.masks import MaskFolder
from fgstp.footage.pictures import list_pictures
from fgstp.footage.sources.described import described_video
from fgstp.footage.sources.gasvid import TABLE
from fgstp.footage.sources.table import TableRow, check_table
from fgstp.footage.video import RefusedVideo, Split, Video

FOLDER = "gasvid_annotated"
SPLITS: dict[str, Split] = {"train": "train", "val": "validation", "test": "test"}


def find_annotated(raw: Path, gasvid: pd.DataFrame) -> list[Video | RefusedVideo]:
    """Clips that were annotated frame by frame, each taken as a video of its own.

    Distance and background come from GasVid's table where a clip's name holds the
    number of a GasVid video, such as `1467` in `MOV_1467_3`.

    Args:
        raw: the folder of raw data; the clips lie in `gasvid_annotated/`.
        gasvid: the table of GasVid, cells as text.

    Returns:
        Clips by split and name.

    Raises:
        UserError: there is no clip.
    """
    root = raw / FOLDER
    found = [(split, folder) for name, split in SPLITS.items() for folder in _folders(root / name)]
    if not found:
        raise UserError(
            f"There is no clip in {root}; put {{train,val,test}}/<clip>/{{images,masks}}/ there, "
            "or choose another ingest.source."
        )
    known = {row.video: row for row in check_table(gasvid, TABLE)[0]}
    splits_of: dict[str, list[str]] = {}
    for split, folder in found:
        splits_of.setdefault(folder.name, []).append(split)
    return [_find(split, folder, splits_of, known) for split, folder in found]


def _folders(parent: Path) -> list[Path]:
    if not parent.is_dir():
        return []
    return sorted(path for path in parent.iterdir() if path.is_dir())


def _find(
    split: Split, folder: Path, splits_of: dict[str, list[str]], known: dict[str, TableRow]
) -> Video | RefusedVideo:
    name = folder.name
    if len(splits_of[name]) > 1:
        return RefusedVideo(
            name,
            f"{name} is in {' and in '.join(splits_of[name])} of {folder.parent.parent}; a clip "
            "may be for one split only: remove one of them",
            split,
        )
    images = folder / "images"
    files = tuple(list_pictures(images)) if images.is_dir() else ()
    row = _facts(name, known).model_copy(update={"video": name, "split": split})
    masks = folder / "masks"
    return described_video(
        row, FrameFolder(files), lambda: MaskFolder.paired_if_there(masks, files)
    )


def _facts(name: str, known: dict[str, TableRow]) -> TableRow:
    """Distance and background of the GasVid video whose number a clip's name holds."""
    for number in re.findall(r"(?<!\d)\d{4}(?!\d)", name):
        row = known.get(f"MOV_{number}")
        if row is not None:
            return TableRow(video=name, distance_m=row.distance_m, background=row.background)
    return TableRow(video=name)
