"""Sources `gasvid` and `annotated`: the videos of GasVid, and the authors' annotated clips."""

import os
import re
from collections import defaultdict
from pathlib import Path

from fgstp.core.errors import UserError
from fgstp.core.files import is_folder
from fgstp.footage.sources import Search, register_source
from fgstp.footage.sources.described import described_video, described_videos
from fgstp.footage.sources.layout import Layout, read_layout, video_id
from fgstp.footage.sources.table import TableRow, check_table
from fgstp.footage.video import RefusedVideo, Split, Video

VIDEOS, MASKS, ANNOTATED = "gasvid", "gasvid_masks", "gasvid_annotated"
TABLE = "conf/base/gasvid_videos.csv"
SPLITS: dict[str, Split] = {"train": "train", "val": "validation", "test": "test"}


@register_source("gasvid")
def find_gasvid(search: Search) -> list[Video | RefusedVideo]:
    """Find the videos `gasvid/MOV_<id>.mp4` that the table assigns to a split.

    Their masks, if there are any, are `gasvid_masks/MOV_<id>/<frame number from 0>.png`.

    Raises:
        UserError: there is no video at all, the table has a wrong column, or the folder of masks
            cannot be read.
    """
    folder = search.raw / VIDEOS
    layout = read_layout(folder) if folder.is_dir() else Layout()
    if not layout.footage:
        raise UserError(
            f"There is no GasVid video in {folder}; put MOV_<id>.mp4 there, or set env: demo in "
            "conf/dvc.yml to work with synthetic plumes."
        )

    all_masks = search.raw / MASKS
    if os.path.lexists(all_masks) and not is_folder(all_masks):
        raise UserError(f"{all_masks} is no folder that can be read; bring it here or remove it.")

    def make(row: TableRow, path: Path) -> Video | RefusedVideo:
        masks = all_masks / (row.masks or row.video)
        return described_video(row, path, masks, search.settings.masks.labelmap)

    videos = described_videos(search.gasvid, TABLE, layout.footage, folder, make)
    return [*videos, *layout.refused_videos()]


@register_source("annotated")
def find_annotated(search: Search) -> list[Video | RefusedVideo]:
    """Find the clips `gasvid_annotated/{train,val,test}/<clip>/{images,masks}/`.

    Each clip becomes a video. Distance and background come from GasVid's table where the name of
    the clip holds the number of a GasVid video, such as `1467` in `MOV_1467_3`.

    Raises:
        UserError: there is no clip, or the table has a wrong column.
    """
    root = search.raw / ANNOTATED
    layouts = {name: read_layout(root / name) for name in SPLITS if (root / name).is_dir()}
    if not any(layout.footage for layout in layouts.values()):
        raise UserError(
            f"There is no clip in {root}; put {{train,val,test}}/<clip>/{{images,masks}}/ there, "
            "or choose another ingest.source."
        )
    splits_of: defaultdict[str, list[str]] = defaultdict(list)
    for split, layout in layouts.items():
        for clip in layout.footage:
            splits_of[clip].append(split)
    known = {row.video: row for row in check_table(search.gasvid, TABLE)[0]}

    def make(split: Split, name: str, layout: Layout) -> Video | RefusedVideo:
        splits = splits_of[name]
        if len(splits) > 1:
            error = (
                f"{name} is in {' and in '.join(splits)} of {root}; a clip may be for one split "
                "only: remove one of them"
            )
            return RefusedVideo(video_id(name), error, split)
        numbers = (f"MOV_{number}" for number in re.findall(r"(?<!\d)\d{4}(?!\d)", name))
        of = next((known[number] for number in numbers if number in known), TableRow(video=name))
        facts = {"distance_m": of.distance_m, "background": of.background}
        row = TableRow(video=video_id(name), split=split, **facts)
        labelmap = search.settings.masks.labelmap
        return described_video(row, layout.footage[name], layout.masks.get(name), labelmap)

    found: list[Video | RefusedVideo] = []
    for split, layout in layouts.items():
        found += [make(SPLITS[split], name, layout) for name in layout.footage]
        found += layout.refused_videos()
    return found
