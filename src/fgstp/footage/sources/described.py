"""Videos that the rows of a table describe: their footage and their masks."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from fgstp.core.errors import FootageError
from fgstp.footage.frame_sources import frames_of
from fgstp.footage.mask_pictures import Meaning
from fgstp.footage.masks import find_masks
from fgstp.footage.pictures import composed
from fgstp.footage.sources.layout import video_id
from fgstp.footage.sources.table import TableRow, check_table
from fgstp.footage.video import RefusedVideo, Video


def described_videos(
    table: pd.DataFrame,
    name: str,
    footage: Mapping[str, Path],
    folder: Path,
    make: Callable[[TableRow, Path], Video | RefusedVideo],
) -> list[Video | RefusedVideo]:
    """Match the rows of a table to files and folders of footage.

    Args:
        table: cells as text; a row without a split leaves its footage out.
        name: name of the table for messages.
        footage: files and folders by name; the table may leave out the suffix of a file.
        folder: the folder of all footage.
        make: makes the video of a row.

    Returns:
        The videos in the order of the table, then a refusal for each invalid row and for all
        footage without a row.

    Raises:
        UserError: see `check_table`.
    """
    rows, refused = check_table(table, name)
    used = [row for row in rows if row.split]
    fitting = {video: _fitting(video, footage) for video in table["video"]}
    named = {path for paths in fitting.values() for path in paths}

    def match(row: TableRow) -> Video | RefusedVideo:
        paths = fitting[row.video]
        if len(paths) == 1:
            return make(row, paths[0])
        if paths:
            names = " and ".join(path.name for path in paths)
            error = f"{names} are both in {folder}; remove one of them, or name it with its suffix"
        else:
            error = (
                f"{row.video} is for {row.split} in {name}, but is not in {folder}; put it there "
                "or empty its split"
            )
        return RefusedVideo(row.video, error, row.split or None)

    unnamed = [
        RefusedVideo(
            video_id(named_path),
            f"{path.name} is in {path.parent}, but no row of {name} names it; add a row or remove "
            "it",
        )
        for named_path, path in footage.items()
        if path not in named
    ]
    return [*map(match, used), *refused, *unnamed]


def _fitting(video: str, footage: Mapping[str, Path]) -> list[Path]:
    """Footage with exactly this name, or else files with this name and any suffix."""
    exact = [path for name, path in footage.items() if composed(name) == composed(video)]
    return exact or [
        path
        for name, path in footage.items()
        if not path.is_dir() and composed(Path(name).with_suffix("").as_posix()) == composed(video)
    ]


def described_video(
    row: TableRow,
    path: Path,
    masks: Path | None,
    labelmap: Mapping[str, Meaning],
    remarks: tuple[str, ...] = (),
) -> Video | RefusedVideo:
    """Make the video that a row describes, refused if its masks are invalid.

    Args:
        row: its row; the split is not empty.
        path: its file, or its folder of frames.
        masks: folder or file of its masks; it need not exist unless the row names it.
        labelmap: meaning of the labels of masks.
        remarks: remarks for the video table.
    """
    split = row.split or None
    try:
        frames = frames_of(path)
        if row.masks and (masks is None or not os.path.lexists(masks)):
            raise FootageError(
                f"the table names {row.masks} for its masks, but it does not exist; correct the "
                "cell or empty it"
            )
        found = find_masks(masks, path, labelmap) if masks and os.path.lexists(masks) else None
    except FootageError as error:
        return RefusedVideo(row.video, f"{row.video}: {error}", split)
    return Video(
        name=row.video,
        frames=frames,
        split=split or "train",
        mask_source="annotated" if found else "none",
        masks=found,
        fps_hz=row.fps_hz,
        distance_m=row.distance_m,
        background=row.background,
        schedule=row.schedule(),
        remarks=remarks,
    )
