"""Tables that describe videos, one row per video."""

from io import StringIO
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from fgstp.core.errors import UserError, did_you_mean
from fgstp.core.files import check_regular_file
from fgstp.footage.video import (
    CLASS_DURATION_S,
    Background,
    LeakSchedule,
    RefusedVideo,
    Split,
)


class TableRow(BaseModel):
    """A row of the table of a source; an empty cell means unknown.

    Attributes:
        video: its id, or its name in the folder.
        split: its split; empty leaves the video out.
        distance_m: distance to the leak.
        background: `clear` or `complex`; empty to have it measured.
        fps_hz: true frame rate where it differs from that of the file.
        leak0_start_s: second at which leak class 0 begins.
        leak1_start_s: second at which leak class 1 begins, by default 180 s later.
        masks: folder of its masks, where its name does not follow from that of the video.
        note: ignored.
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

    @field_validator("masks")
    @classmethod
    def _masks_inside(cls, value: str | None) -> str | None:
        if value is not None and (Path(value).is_absolute() or ".." in Path(value).parts):
            raise ValueError("masks must lie in the folder of the footage")
        return value

    @model_validator(mode="after")
    def _class_1_after_class_0(self) -> "TableRow":
        if self.leak1_start_s is not None and self.leak0_start_s is None:
            raise ValueError("leak1_start_s needs leak0_start_s beside it")
        return self

    def schedule(self) -> LeakSchedule | None:
        """Leak schedule of the video; None if no start is given."""
        if self.leak0_start_s is None:
            return None
        class_1 = self.leak1_start_s or self.leak0_start_s + CLASS_DURATION_S
        return LeakSchedule(self.leak0_start_s, class_1)


def read_table(path: Path) -> pd.DataFrame:
    """Read a CSV table as text, without empty rows and lines that begin with #.

    Raises:
        UserError: it is no such table.
    """
    try:
        check_regular_file(path)
        lines = path.read_text("utf-8-sig").splitlines(keepends=True)
        text = "".join(line for line in lines if not line.startswith("#"))
        table = pd.read_csv(StringIO(text), dtype=str, keep_default_na=False)
        is_empty = (table == "").all(axis=1)
        return table[~is_empty].reset_index(drop=True) if is_empty.any() else table
    except (UserError, OSError, ValueError) as error:
        fault = str(error).strip().partition("; ")[0]
        if isinstance(error, UnicodeDecodeError):
            fault = "it is not in UTF-8, as which spreadsheets can save it"
        raise UserError(
            f"The table {path} cannot be read: {fault}; correct or remove it."
        ) from error


def check_table(table: pd.DataFrame, name: str) -> tuple[list[TableRow], list[RefusedVideo]]:
    """Validate a table row by row.

    Args:
        table: cells as text.
        name: name of the table for messages.

    Returns:
        The valid rows, including those with an empty split, and a refusal for each video whose
        row is invalid or that has several rows.

    Raises:
        UserError: the column `video` is missing, a column is unknown, or a row has more cells
            than there are columns.
    """
    unknown = [column for column in table.columns if column not in TableRow.model_fields]
    if unknown or "video" not in table.columns:
        wrong = _told(str(unknown[0]), table) if unknown else "needs a column 'video'"
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


def _told(unknown: str, table: pd.DataFrame) -> str:
    """What is wrong with a table that has an unknown column."""
    if separator := next((each for each in ";\t|" if each in unknown), None):
        return f"has cells between {separator!r}, but is read with commas between them"
    first, _, number = unknown.rpartition(".")
    if first in table.columns and number.isdecimal():  # as pandas names a repeated column
        return f"has the column '{first}' more than once"
    return f"does not know the column '{unknown}'{did_you_mean(unknown, TableRow.model_fields)}"


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
        reason = str(error)
    except ValidationError as error:
        fault: Any = error.errors()[0]
        column = fault["loc"][0] if fault["loc"] else "row"
        reason = f"{column} is '{fault['input']}': {fault['msg']}; correct the table"
    return RefusedVideo(video, f"{video} in {name}: {reason}")
