"""Source `folder`: a folder of videos and folders of frames, with or without masks."""

import logging
import os
from pathlib import Path

from fgstp.core.errors import UserError, printable
from fgstp.footage.settings import FolderSettings
from fgstp.footage.sources import Search, register_source
from fgstp.footage.sources.described import described_video, described_videos
from fgstp.footage.sources.layout import read_layout, video_id
from fgstp.footage.sources.table import TableRow, read_table
from fgstp.footage.video import RefusedVideo, Split, Video

SPLIT_NAMES: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}

logger = logging.getLogger(__name__)


@register_source("folder")
def find_in_folder(search: Search) -> list[Video | RefusedVideo]:
    """Find the videos of the folder `ingest.folder.path`; see `find_in`."""
    return find_in(search, search.settings.folder, "ingest.folder.path")


def find_in(search: Search, folder: FolderSettings, setting: str) -> list[Video | RefusedVideo]:
    """Find the videos of a folder; a table describes them, or none.

    See `fgstp.footage.sources.layout.read_layout` for what is found. Masks are numbered from 0
    for a file, and have the names of the frames for a folder. What cannot be used is refused.

    Raises:
        UserError: the folder does not exist or holds nothing, or its table has a wrong column.
    """
    root = search.raw / folder.path
    if not root.is_dir():
        raise UserError(f"There is no folder {root}; put footage there or correct {setting}.")
    table = root / folder.table
    rows = read_table(table) if os.path.lexists(table) else None
    named = () if rows is None else rows.get("masks", ())
    layout = read_layout(root, frozenset({table, *(root / masks for masks in named if masks)}))
    if layout.documents:
        names = printable(", ".join(layout.documents))
        logger.info("Passed over, since they are no footage: %s.", names)
    if not layout.footage and not layout.refused:
        raise UserError(
            f"There is neither a video nor a folder of frames in {root}; put footage there or "
            f"correct {setting}."
        )
    name_of = {path: name for name, path in layout.footage.items()}

    def make(row: TableRow, path: Path, remarks: tuple[str, ...] = ()) -> Video | RefusedVideo:
        name = name_of[path]
        masks = root / row.masks if row.masks else layout.masks.get(name)
        row = row.model_copy(update={"video": video_id(name)})
        return described_video(row, path, masks, search.settings.masks.labelmap, remarks)

    if rows is not None:
        return [
            *described_videos(rows, str(table), layout.footage, root, make),
            *layout.refused_videos(),
        ]
    trains = bool(layout.masks) or search.settings.pseudo_masks.enabled
    guessed = [_guessed(name, place, trains) for place, name in enumerate(layout.footage)]
    return [
        *(make(row, layout.footage[row.video], why) for row, why in guessed),
        *layout.refused_videos(),
    ]


def _guessed(name: str, place: int, trains: bool) -> tuple[TableRow, tuple[str, ...]]:
    """Guess the split of a video: by its folders, or every third, or without masks all for test."""
    folder = next((part for part in Path(name).parts[:-1] if part.lower() in SPLIT_NAMES), None)
    if folder:
        split, why = SPLIT_NAMES[folder.lower()], f"by its folder {folder}"
    elif trains:
        split, why = "test" if place % 3 == 2 else "train", "every third is for test"
    else:
        split, why = "test", "no video has masks to train on"
    return TableRow(video=name, split=split), (f"no table: split {split} guessed, {why}",)
