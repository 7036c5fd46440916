"""Source `gasvid`: `MOV_<id>.mp4` of the set, with masks in a folder beside them or without."""

from functools import partial
from pathlib import Path

from fgstp.core.errors import UserError
from fgstp.footage.frame_sources import VIDEO_SUFFIXES, VideoFile
from fgstp.footage.masks import MaskFolder
from fgstp.footage.sources import Search, register_source
from fgstp.footage.sources.table import TableRow, described_video, described_videos
from fgstp.footage.video import RefusedVideo, Video

VIDEOS, MASKS = "gasvid", "gasvid_masks"
TABLE = "conf/base/gasvid_videos.csv"


@register_source("gasvid")
def find_gasvid(search: Search) -> list[Video | RefusedVideo]:
    """Videos in `gasvid/` that the table uses, and what does not fit it.

    Masks lie in `gasvid_masks/MOV_<id>/<frame number from 0>.png`.

    Raises:
        UserError: there is no video at all, or the table has a wrong column.
    """
    folder = search.raw / VIDEOS
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    files = {
        path.name: path
        for path in paths
        if path.suffix.lower() in VIDEO_SUFFIXES and not path.name.startswith(".")
    }
    if not files:
        raise UserError(
            f"There is no GasVid video in {folder}; put MOV_<id>.mp4 there, or set env: demo in "
            "conf/dvc.yml to work with synthetic plumes."
        )
    make = partial(_video, masks=search.raw / MASKS)
    return described_videos(search.gasvid, TABLE, files, folder, make)


def _video(row: TableRow, path: Path, masks: Path) -> Video | RefusedVideo:
    folder = masks / (row.masks or row.video)
    return described_video(row, VideoFile(path), folder, MaskFolder.numbered)
