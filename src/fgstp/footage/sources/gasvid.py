"""Sources `gasvid` and `annotated`: the videos of GasVid, and the authors' annotated clips."""

import re
from collections import defaultdict
from pathlib import Path

from fgstp.core.errors import UserError
from fgstp.footage.sources import Search, register_source
from fgstp.footage.sources.table import TableRow, check_table, described_video, described_videos
from fgstp.footage.video import RefusedVideo, Split, Video
from fgstp.footage.video_file import VIDEO_SUFFIXES

VIDEOS, MASKS, ANNOTATED = "gasvid", "gasvid_masks", "gasvid_annotated"
TABLE = "conf/base/gasvid_videos.csv"
SPLITS: dict[str, Split] = {"train": "train", "val": "validation", "test": "test"}


@register_source("gasvid")
def find_gasvid(search: Search) -> list[Video | RefusedVideo]:
    """Find the videos `gasvid/MOV_<id>.mp4` that the table assigns to a split.

    Their masks, if there are any, are `gasvid_masks/MOV_<id>/<frame number from 0>.png`.

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

    def make(row: TableRow, path: Path) -> Video | RefusedVideo:
        masks = search.raw / MASKS / (row.masks or row.video)
        return described_video(row, path, masks, search.settings.masks.labelmap)

    return described_videos(search.gasvid, TABLE, files, folder, make)


@register_source("annotated")
def find_annotated(search: Search) -> list[Video | RefusedVideo]:
    """Find the clips `gasvid_annotated/{train,val,test}/<clip>/{images,masks}/`.

    Each clip becomes a video. Distance and background come from GasVid's table where the name of
    the clip holds the number of a GasVid video, such as `1467` in `MOV_1467_3`.

    Raises:
        UserError: there is no clip, or the table has a wrong column.
    """
    root = search.raw / ANNOTATED
    found = [
        (split, clip) for name, split in SPLITS.items() for clip in sorted((root / name).glob("*/"))
    ]
    if not found:
        raise UserError(
            f"There is no clip in {root}; put {{train,val,test}}/<clip>/{{images,masks}}/ there, "
            "or choose another ingest.source."
        )
    splits_of: defaultdict[str, list[str]] = defaultdict(list)
    for split, clip in found:
        splits_of[clip.name].append(split)
    known = {row.video: row for row in check_table(search.gasvid, TABLE)[0]}

    def make(split: Split, clip: Path) -> Video | RefusedVideo:
        name, splits = clip.name, splits_of[clip.name]
        if len(splits) > 1:
            error = (
                f"{name} is in {' and in '.join(splits)} of {root}; a clip may be for one split "
                "only: remove one of them"
            )
            return RefusedVideo(name, error, split)
        numbers = (f"MOV_{number}" for number in re.findall(r"(?<!\d)\d{4}(?!\d)", name))
        of = next((known[number] for number in numbers if number in known), TableRow(video=name))
        row = TableRow(video=name, split=split, distance_m=of.distance_m, background=of.background)
        labelmap = search.settings.masks.labelmap
        return described_video(row, clip / "images", clip / "masks", labelmap)

    return [make(split, clip) for split, clip in found]
