"""Tables that describe videos: one row a video, checked column by column."""

from collections.abc import Callable, Mapping
from io import StringIO
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from fgstp.core.errors import FootageError, UserError
from fgstp.footage.masks import MaskFolder
from fgstp.footage.video import (
    CLASS_DURATION_S,
    Background,
    FrameSource,
    LeakSchedule,
    RefusedVideo,
    Split,
    Video,
)


class TableRow(BaseModel):
    """What a table says of one video; an empty cell means unknown.

    Attributes:
        video: its id, or its name in the folder.
        split: what it is for; empty leaves the video out.
        distance_m: distance to the leak.
        background: `clear`, `complex`, or empty to have it measured.
        fps_hz: true frame rate where it differs from what the file says.
        leak0_start_s: second at which leak class 0 begins.
        leak1_start_s: second at which leak class 1 begins, by default 180 s later.
        masks: folder of its masks, where it is not found by its name.
        note: for the reader.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    video: str = Field(min_length=1)
    split: Split | Literal[""] = ""
    distance_m: float | None = Field(None, gt=0)
    background: Background | None = None
    fps_hz: float | None = Field(None, gt=0)
    leak0_start_s: float | None = Field(None, ge=0)
    leak1_start_s: float | None = Field(None, gt=0)
    masks: str | None = None
    note: str = ""

    @field_validator(
        *("distance_m", "background", "fps_hz", "leak0_start_s", "leak1_start_s", "masks"),
        mode="before",
    )
    @classmethod
    def _empty_is_unknown(cls, value: object) -> object:
        return None if value == "" else value

    @model_validator(mode="after")
    def _class_1_after_class_0(self) -> "TableRow":
        if self.leak1_start_s is not None and self.leak0_start_s is None:
            raise ValueError("leak1_start_s needs leak0_start_s beside it")
        return self

    def schedule(self) -> LeakSchedule | None:
        """Leak schedule of the video, None where no start is given."""
        if self.leak0_start_s is None:
            return None
        class_1 = self.leak1_start_s or self.leak0_start_s + CLASS_DURATION_S
        return LeakSchedule(self.leak0_start_s, class_1)


def read_table(path: Path) -> pd.DataFrame:
    """Read a table as text; lines that begin with # are comments.

    Raises:
        UserError: the file cannot be read as a table.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines(keepends=True)
        text = "".join(line for line in lines if not line.startswith("#"))
        return pd.read_csv(StringIO(text), dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        fault = str(error).strip()
        raise UserError(f"The table {path} cannot be read: {fault}; mend or remove it.") from error


def check_table(table: pd.DataFrame, name: str) -> tuple[list[TableRow], list[RefusedVideo]]:
    """Check a table row by row.

    Args:
        table: cells as text.
        name: what to call the table in messages.

    Returns:
        The sound rows, also those with an empty split, and a refusal for each video whose
        row is not sound or that stands in the table twice.

    Raises:
        UserError: there is no column `video`, a column that is not known, or a row with
            more cells than there are columns.
    """
    unknown = [column for column in table.columns if column not in TableRow.model_fields]
    if unknown or "video" not in table.columns:
        wrong = f"does not know the column '{unknown[0]}'" if unknown else "needs a column 'video'"
        raise UserError(f"{name} {wrong}; its columns are {', '.join(TableRow.model_fields)}.")
    if not isinstance(table.index, pd.RangeIndex):  # pandas shifts all cells to the right
        raise UserError(
            f"{name} has more cells in a row than columns; put text with a comma in quotes."
        )
    checked = [
        _checked(str(video), rows.to_dict("records"), name)
        for video, rows in table.groupby("video", sort=False)
    ]
    rows = [each for each in checked if isinstance(each, TableRow)]
    return rows, [each for each in checked if isinstance(each, RefusedVideo)]


def _checked(video: str, rows: list[dict[Any, Any]], name: str) -> TableRow | RefusedVideo:
    if len(rows) > 1:
        splits = " and ".join(dict.fromkeys(row.get("split", "") for row in rows)) or "no split"
        return RefusedVideo(
            video,
            f"{video} stands {len(rows)} times in {name}, for {splits}; a video may be for one "
            "split only: keep one row",
        )
    try:
        row = TableRow.model_validate(rows[0])
        row.schedule()
        return row
    except UserError as error:
        return RefusedVideo(video, f"{video} in {name}: {error}")
    except ValidationError as error:
        fault: Any = error.errors()[0]
        column = fault["loc"][0] if fault["loc"] else "row"
        told = f"{column} is '{fault['input']}': {fault['msg']}; correct the table"
        return RefusedVideo(video, f"{video} in {name}: {told}")


def described_videos(
    table: pd.DataFrame,
    name: str,
    footage: Mapping[str, Path],
    folder: Path,
    make: Callable[[TableRow, Path], Video | RefusedVideo],
) -> list[Video | RefusedVideo]:
    """Videos that a table uses, in its order, then what it does not name.

    Args:
        table: cells as text; a row without a split leaves its footage out.
        name: what to call the table in messages.
        footage: files and folders by name; the table may leave out the suffix of a file.
        folder: where they are.
        make: gives the video of a row.

    Raises:
        UserError: the table has a wrong column.
    """
    rows, refused = check_table(table, name)
    used = [row for row in rows if row.split]
    fitting = {video: _fitting(video, footage) for video in table["video"]}
    named = {path for paths in fitting.values() for path in paths}
    named |= {folder / row.masks for row in used if row.masks}

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
            video_name(path, folder),
            f"{path.name} is in {path.parent}, but no row of {name} names it; add a row or remove "
            "it",
        )
        for path in footage.values()
        if path not in named
    ]
    return [*map(match, used), *refused, *unnamed]


def _fitting(video: str, footage: Mapping[str, Path]) -> list[Path]:
    """What a table may mean: the very name, or else files that are called so but for a suffix."""
    if video in footage:
        return [footage[video]]
    return [
        path
        for name, path in footage.items()
        if path.is_file() and Path(name).with_suffix("").as_posix() == video
    ]


def video_name(path: Path, root: Path) -> str:
    """Id of footage: its path in the folder without the suffix, folders joined by underscores."""
    inside = path.relative_to(root)
    return "_".join((inside.with_suffix("") if path.is_file() else inside).parts)


def described_video(
    row: TableRow,
    frames: FrameSource,
    masks: Path,
    pair: Callable[[Path], MaskFolder],
    remarks: tuple[str, ...] = (),
) -> Video | RefusedVideo:
    """The video that a row describes, refused if its masks are not sound.

    Args:
        row: what is known; its split is not empty.
        frames: its frames.
        masks: folder of its masks, which need not be there unless the row names it.
        pair: reads that folder.
        remarks: what a reader of the video table should know.
    """
    split = row.split or None
    if row.masks and not masks.is_dir():
        return RefusedVideo(
            row.video,
            f"{row.video}: the table names {row.masks} for its masks, but there is no such "
            "folder; correct the cell or empty it",
            split,
        )
    try:
        found = pair(masks) if masks.is_dir() else None
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
