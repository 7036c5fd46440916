"""Tables that describe videos: one row a video, checked column by column."""

from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from fgstp.core.errors import UserError
from fgstp.footage.categories import Background
from fgstp.footage.leak_schedule import CLASS_DURATION_S, LeakSchedule
from fgstp.footage.video import RefusedVideo, Split


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
        "distance_m",
        "background",
        "fps_hz",
        "leak0_start_s",
        "leak1_start_s",
        "masks",
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
    rows: list[TableRow] = []
    refused: list[RefusedVideo] = []
    times = Counter(table["video"])
    for cells in table.drop_duplicates("video").to_dict("records"):
        video = str(cells["video"])
        if times[video] > 1:
            refused.append(_twice(video, table[table["video"] == video], name))
            continue
        try:
            row = TableRow.model_validate(cells)
            row.schedule()
        except (ValidationError, UserError) as error:
            refused.append(RefusedVideo(video, f"{video} in {name}: {_first_fault(error)}"))
            continue
        rows.append(row)
    return rows, refused


def _twice(video: str, rows: pd.DataFrame, name: str) -> RefusedVideo:
    splits = " and ".join(dict.fromkeys(rows.get("split", pd.Series(dtype=str)))) or "no split"
    return RefusedVideo(
        video,
        f"{video} stands {len(rows)} times in {name}, for {splits}; a video may be for one "
        "split only: keep one row",
    )


def _first_fault(error: ValidationError | UserError) -> str:
    if isinstance(error, UserError):
        return str(error)
    fault: Any = error.errors()[0]
    column = fault["loc"][0] if fault["loc"] else "row"
    return f"{column} is '{fault['input']}': {fault['msg']}; correct the table"
