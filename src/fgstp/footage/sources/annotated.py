"""Source `annotated`: the authors' folders, `{train,val,test}/<clip>/{images,masks}/`."""

import re
from functools import partial
from pathlib import Path

from fgstp.core.errors import UserError
from fgstp.footage.frame_sources import FrameFolder
from fgstp.footage.masks import MaskFolder
from fgstp.footage.pictures import list_pictures
from fgstp.footage.sources import Search, register_source
from fgstp.footage.sources.gasvid import TABLE
from fgstp.footage.sources.table import TableRow, check_table, described_video
from fgstp.footage.video import RefusedVideo, Split, Video

FOLDER = "gasvid_annotated"
SPLITS: dict[str, Split] = {"train": "train", "val": "validation", "test": "test"}


@register_source("annotated")
def find_annotated(search: Search) -> list[Video | RefusedVideo]:
    """Clips in `gasvid_annotated/`, annotated frame by frame, each taken as a video of its own.

    Distance and background come from GasVid's table where a clip's name holds the number of a
    GasVid video, such as `1467` in `MOV_1467_3`.

    Raises:
        UserError: there is no clip.
    """
    root = search.raw / FOLDER
    found = [
        (split, folder)
        for name, split in SPLITS.items()
        for folder in sorted((root / name).glob("*/"))
    ]
    if not found:
        raise UserError(
            f"There is no clip in {root}; put {{train,val,test}}/<clip>/{{images,masks}}/ there, "
            "or choose another ingest.source."
        )
    known = {row.video: row for row in check_table(search.gasvid, TABLE)[0]}
    splits_of: dict[str, list[str]] = {}
    for split, folder in found:
        splits_of.setdefault(folder.name, []).append(split)
    return [_find(split, folder, splits_of[folder.name], known) for split, folder in found]


def _find(
    split: Split, folder: Path, splits: list[str], known: dict[str, TableRow]
) -> Video | RefusedVideo:
    name = folder.name
    if len(splits) > 1:
        return RefusedVideo(
            name,
            f"{name} is in {' and in '.join(splits)} of {folder.parent.parent}; a clip "
            "may be for one split only: remove one of them",
            split,
        )
    images = folder / "images"
    files = tuple(list_pictures(images)) if images.is_dir() else ()
    numbers = (f"MOV_{number}" for number in re.findall(r"(?<!\d)\d{4}(?!\d)", name))
    of = next((known[number] for number in numbers if number in known), TableRow(video=name))
    row = TableRow(video=name, split=split, distance_m=of.distance_m, background=of.background)
    pair = partial(MaskFolder.paired, frames=files)
    return described_video(row, FrameFolder(files), folder / "masks", pair)
