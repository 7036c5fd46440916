"""The video table and the clip table, and the clips to train and score on."""

import hashlib
import logging
from collections.abc import Iterable
from typing import NamedTuple, get_args

import numpy as np
import pandas as pd

from fgstp.core.errors import UserError
from fgstp.footage.video import MaskSource, Split, fault_of_name
from fgstp.footage.video_store import Clip, Row, VideoStore

logger = logging.getLogger(__name__)

# Columns of the tables and their types; whole numbers that may be missing are Int64.
VIDEO_COLUMNS = {
    "video": "str",
    "source": "str",
    "frames": "Int64",
    "fps_hz": "float64",
    "height_px": "Int64",
    "width_px": "Int64",
    "distance_m": "float64",
    "background": "str",
    "category": "str",
    "split": "str",
    "mask_source": "str",
    "clips": "Int64",
    "clips_distinct": "Int64",
    "frames_left_over": "Int64",
    "low_counts": "Int64",
    "high_counts": "Int64",
    "sha256": "str",
    "remarks": "str",
    "error": "str",
}
CLIP_COLUMNS = {
    "clip": "str",
    "video": "str",
    "first_frame": "Int64",
    "frames": "Int64",
    "split": "str",
    "leak_class": "Int64",
    "mask_source": "str",
    "annotated_frames": "Int64",
    "gas_fraction": "float64",
    "void_fraction": "float64",
    "dropped": "str",
    "repeats": "str",
    "similarity": "float64",
    "content_hash": "str",
}


KEYS = {"videos": "video", "clips": "clip"}  # columns of names, each of which stands once
ALLOWED = {"split": get_args(Split), "mask_source": get_args(MaskSource)}
LEAST = {"first_frame": 0, "frames": 1, "annotated_frames": 0, "fps_hz": 1e-3}


def check_rows(rows: pd.DataFrame, kind: str) -> None:
    """Check what all readers of a table rely on: it may have been edited.

    Args:
        rows: rows of the clip table, or those of the video table that have no error.
        kind: `clips` or `videos`.

    Raises:
        ValueError: a name leaves the data folder, is missing or stands twice, or a value is none
            of those that there are.
    """
    names = rows[KEYS[kind]]
    if names.hasnans:
        raise ValueError(f"a row has no {names.name}")
    for name in names:
        if fault := fault_of_name(name):
            raise ValueError(f"{name!r} {fault}")
    if names.duplicated().any():
        raise ValueError(f"{names[names.duplicated()].iloc[0]} stands in it twice")
    for column, allowed in ALLOWED.items():
        sound = rows[column].isin(allowed) | rows[column].isna()
        if not sound.all():
            raise ValueError(f"the {column} of {names[~sound].iloc[0]} is none that there is")
    for column in LEAST.keys() & set(rows):
        values = rows[column].dropna().astype("float64")
        sound = values.ge(LEAST[column]) & np.isfinite(values)
        if not sound.all():
            raise ValueError(f"the {column} of {names[values.index[~sound][0]]} is impossible")


def table(rows: list[Row], columns: dict[str, str]) -> pd.DataFrame:
    """Make a table with these columns and types; what a row lacks is missing."""
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)


class ClipRow(NamedTuple):
    """A row of the clip table.

    Attributes:
        name: id of the clip.
        video: id of its video.
        first_frame: number of its first frame in the video, from 0.
        n_frames: its length.
        annotated_frames: number of its frames that have a mask.
        content_hash: XXH3 of its frames and masks.
        mask_source: kind of its masks, `none` without any.
    """

    name: str
    video: str
    first_frame: int
    n_frames: int
    annotated_frames: int
    content_hash: str
    mask_source: str

    def has_masks(self, *, allow_pseudo_masks: bool) -> bool:
        """Whether it has masks, or masks that were not computed from the footage."""
        return self.mask_source not in ({"none"} if allow_pseudo_masks else {"none", "pseudo"})

    def read(self, store: VideoStore) -> Clip:
        """View the clip; a `UserError` if its masks are not those of the clip table."""
        clip = store.clip(self.video, self.first_frame, self.n_frames)
        if len(clip.annotated) != self.annotated_frames:
            raise UserError(
                f"The masks of the clip {self.name} in {store.folder} are not those that the clip "
                "table describes; run `kedro run --pipelines=ingest`."
            )
        return clip


def clip_rows(table: pd.DataFrame) -> list[ClipRow]:
    """Convert a clip table to rows, in its order.

    Raises:
        UserError: an id would lead out of the folder of the videos.
    """
    columns = ["clip", "video", "first_frame", "frames", "annotated_frames", "content_hash"]
    columns.append("mask_source")
    rows = [ClipRow(*row.values()) for row in table[columns].to_dict("records")]
    for name in {row.video for row in rows}:
        if fault := fault_of_name(str(name)):
            raise UserError(
                f"The clip table names the video {name!a}, which {fault}, or run `kedro run "
                "--pipelines=ingest` to make the table again."
            )
    return rows


def spread(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    """Select at most `count` rows of a table, spread evenly from the first to the last."""
    places = np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int)
    return rows.iloc[places]


def by_video(clips: Iterable[ClipRow]) -> dict[str, list[ClipRow]]:
    """Group clips by video, sorted by video and first frame."""
    found: dict[str, list[ClipRow]] = {}
    for clip in sorted(clips, key=lambda each: (each.video, each.first_frame)):
        found.setdefault(clip.video, []).append(clip)
    return found


def kept_clips(table: pd.DataFrame, store: VideoStore, split: str) -> list[ClipRow]:
    """Select the kept clips of a split, with and without masks.

    Args:
        table: the clip table.
        store: the videos.
        split: `train`, `validation` or `test`.

    Raises:
        UserError: there is no such clip, or files are missing.
    """
    kept = table[table["dropped"].isna()]
    if kept.empty:
        raise UserError("There are no clips; run `kedro run --pipelines=ingest` first.")
    chosen = kept[kept["split"] == split]
    if chosen.empty:
        split_videos = f"give some videos the split {split}"
        remedy = "raise ingest.validation.fraction" if split == "validation" else split_videos
        raise UserError(
            f"None of the {len(kept)} clips is in the split {split}; {remedy}, and run ingest "
            "again."
        )
    clips = clip_rows(chosen)
    for clip in clips:
        clip.read(store)
    return clips


def rates_hz(clips: Iterable[ClipRow], videos: pd.DataFrame) -> dict[str, float]:
    """Frame rates of the videos of clips; a `UserError` if the video table lacks one."""
    known = videos.set_index("video")["fps_hz"].dropna()
    wanted = {clip.video for clip in clips}
    if missing := sorted(wanted - set(known.index)):
        raise UserError(
            f"The video table has no frame rate of {missing[0]}, which the clip table names; run "
            "`kedro run --pipelines=ingest`."
        )
    return {video: float(known[video]) for video in wanted}


def masked_clips(
    table: pd.DataFrame, store: VideoStore, split: str, *, allow_pseudo_masks: bool, setting: str
) -> list[ClipRow]:
    """Select the kept clips of a split that have masks, of all frames or of some.

    Args:
        table: the clip table.
        store: the videos.
        split: `train`, `validation` or `test`.
        allow_pseudo_masks: whether masks that were computed from the footage are accepted.
        setting: name of the setting that accepts them, for the error.

    Raises:
        UserError: there is no such clip, pseudo masks are not accepted, or files are missing.
    """
    clips = kept_clips(table, store, split)
    chosen = [clip for clip in clips if clip.has_masks(allow_pseudo_masks=True)]
    if not chosen:
        raise UserError(
            f"No clip of the split {split} has masks; put masks beside the videos, or let ingest "
            "compute some with ingest.pseudo_masks.enabled."
        )
    n_pseudo = sum(clip.mask_source == "pseudo" for clip in chosen)
    if n_pseudo and not allow_pseudo_masks:
        raise UserError(
            f"{n_pseudo} of the {len(chosen)} clips of the split {split} have masks that were "
            f"computed from the footage; set {setting} to take them."
        )
    if n_bare := len(clips) - len(chosen):
        logger.warning(
            f"{n_bare} of the {len(clips)} clips of the split {split} have no masks and are left "
            "out."
        )
    if 0 < n_pseudo < len(chosen):
        logger.warning(
            f"Of the {len(chosen)} clips of the split {split}, {n_pseudo} have masks computed from "
            "the footage, the others not."
        )
    return chosen


def digest(clips: Iterable[ClipRow]) -> str:
    """Compute the SHA-256 of names, frames and masks of clips, as hexadecimal digits."""
    return hashlib.sha256(
        "".join(f"{each.name} {each.content_hash}\n" for each in clips).encode()
    ).hexdigest()
