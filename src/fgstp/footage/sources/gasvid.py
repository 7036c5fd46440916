"""Source 2: raw GasVid, `MOV_<id>.mp4`, with masks in a folder beside it or without."""

from pathlib import Path

import pandas as pd

from fgstp.core.errors import UserError
from fgstp.footage.frame_sources import VIDEO_SUFFIXES, VideoFile
from fgstp.footage.masks import MaskFolder
from fgstp.footage.sources.described import described_video
from fgstp.footage.sources.table import TableRow, check_table
from fgstp.footage.video import RefusedVideo, Video

VIDEOS, MASKS = "gasvid", "gasvid_masks"
TABLE = "conf/base/gasvid_videos.csv"


def find_gasvid(raw: Path, table: pd.DataFrame) -> list[Video | RefusedVideo]:
    """Videos that the table of GasVid uses, and what does not fit it.

    Args:
        raw: the folder of raw data; videos lie in `gasvid/`, masks in
            `gasvid_masks/MOV_<id>/<frame number from 0>.png`.
        table: the table of the set, cells as text.

    Returns:
        In the order of the table, then files that it does not name.

    Raises:
        UserError: there is no video at all, or the table has a wrong column.
    """
    folder = raw / VIDEOS
    files: dict[str, list[Path]] = {}
    for path in _video_files(folder):
        files.setdefault(path.stem, []).append(path)
    if not files:
        raise UserError(
            f"There is no GasVid video in {folder}; put MOV_<id>.mp4 there, or set env: demo in "
            "conf/dvc.yml to work with synthetic plumes."
        )
    rows, refused = check_table(table, TABLE)
    known = set(table["video"])
    return [
        *(_find(row, files, folder, raw / MASKS) for row in rows if row.split),
        *refused,
        *(_unnamed(paths[0]) for name, paths in files.items() if name not in known),
    ]


def _video_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in VIDEO_SUFFIXES and not path.name.startswith(".")
    )


def _find(
    row: TableRow, files: dict[str, list[Path]], folder: Path, masks: Path
) -> Video | RefusedVideo:
    if row.video not in files:
        return RefusedVideo(
            row.video,
            f"{row.video} is for {row.split} in {TABLE}, but is not in {folder}; put it there or "
            "empty its split",
            row.split or None,
        )
    if len(files[row.video]) > 1:
        names = " and ".join(path.name for path in files[row.video])
        return RefusedVideo(
            row.video, f"{names} are both in {folder}; remove one of them", row.split or None
        )
    folder_of_masks = masks / row.masks if row.masks else masks / row.video
    return described_video(
        row, VideoFile(files[row.video][0]), lambda: MaskFolder.numbered_if_there(folder_of_masks)
    )


def _unnamed(path: Path) -> RefusedVideo:
    return RefusedVideo(
        path.stem,
        f"{path.name} is in {path.parent}, but no row of {TABLE} names it; add a row or remove "
        "the file",
    )
