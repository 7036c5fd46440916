"""Datasets of files that are written whole or not at all: tables, JSON and text."""

import html
import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import AbstractDataset, DatasetError
from kedro.utils import load_obj
from kedro_datasets._typing import HTMLPreview, JSONPreview, TablePreview

from fgstp.core.errors import UserError
from fgstp.core.files import atomic_path
from fgstp.core.records import read_record
from fgstp.core.temporaries import TEMPORARY_PREFIX, sweep
from fgstp.footage.clip_table import CLIP_COLUMNS, KEYS, VIDEO_COLUMNS, check_rows
from fgstp.footage.sources.table import read_table

STAR = "*"
NAME_COLUMNS = ("video", "clip", "group")
TYPED_COLUMNS = {
    "videos": VIDEO_COLUMNS,
    "clips": CLIP_COLUMNS,
    "summaries": dict.fromkeys(("model", "protocol", "by", "group", "metric"), "str")
    | {"value": "float64"},
    "frame_scores": dict.fromkeys(("video", "clip", "protocol"), "str"),
    "timelines": {"video": "str", "clip": "str", "leak_class": "Int64", "leak": "Int64"}
    | dict.fromkeys(("score", "evidence"), "float64"),
    "events": {"video": "str", "alarm_s": "float64", "end_s": "float64"},
}


class FileDataset(AbstractDataset[Any, Any]):
    """A file of UTF-8 text, or one such file for each model.

    A `*` in the name stands for the name of a model. Saving then writes the file of the chosen
    model, and loading reads the files of all models into a dict by name.

    Args:
        filepath: the file.
        model: name of the chosen model, if there is a `*` in the name.
        metadata: for Kedro-Viz and other readers of the catalog.

    Attributes:
        filepath: the file that saving writes.
    """

    _mend = "run the pipeline that writes it"

    def __init__(
        self, filepath: str, model: str | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        self._pattern = Path(filepath)
        if not filepath.count(STAR) == self._pattern.name.count(STAR) == (model is not None):
            raise DatasetError(f"{filepath} must hold one * in its name if a model is chosen")
        self._model = model
        self.filepath = self._pattern.with_name(self._pattern.name.replace(STAR, model or ""))
        self.metadata = metadata

    def load(self) -> Any:  # noqa: ANN401
        """Read the file, or the files of all models into a dict.

        Raises:
            UserError: a file cannot be read.
        """
        if self._model is None:
            return self._content(self.filepath)
        start, end = self._pattern.name.split(STAR)
        return {path.name[len(start) : -len(end)]: self._content(path) for path in self.read_files}

    @property
    def read_files(self) -> list[Path]:
        """The files that loading reads."""
        if self._model is None:
            return [self.filepath]
        found = sorted(self._pattern.parent.glob(self._pattern.name))
        return [each for each in found if not each.name.startswith(TEMPORARY_PREFIX)]

    def save(self, data: Any) -> None:  # noqa: ANN401
        """Write the file, or the file of the chosen model."""
        sweep(self.filepath.parent)
        with atomic_path(self.filepath) as temporary:
            self._write(data, temporary)

    def _content(self, path: Path) -> Any:  # noqa: ANN401
        try:
            return self._read(path)
        except (OSError, ValueError, TypeError, OverflowError) as error:
            reason = str(getattr(error, "strerror", None) or error).partition("\n")[0]
            raise UserError(f"{path} cannot be read ({reason}); {self._mend}.") from error

    def _read(self, path: Path) -> Any:  # noqa: ANN401
        return path.read_text("utf-8")

    def _write(self, data: Any, path: Path) -> None:  # noqa: ANN401
        path.write_text(data, "utf-8")

    def _exists(self) -> bool:
        return self.filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._pattern), "model": self._model}


class TableDataset(FileDataset):
    """A table as CSV or Parquet, according to the suffix.

    Args:
        filepath: the file.
        columns: `videos`, `clips`, `summaries`, `frame_scores`, `timelines` or `events` for columns
            and types that these tables must have; `text` for a hand-written table, with cells as
            text and lines of comment.
        options: those of `FileDataset`.
    """

    def __init__(self, filepath: str, columns: str | None = None, **options: Any) -> None:  # noqa: ANN401
        super().__init__(filepath, **options)
        self._columns = columns
        if columns in TYPED_COLUMNS:
            maker = "ingest" if columns in KEYS else "evaluate"
            self._mend = f"run `kedro run --pipelines={maker}` first"

    def preview(self, rows: int = 10) -> TablePreview:
        """Show the first rows, with four decimals."""
        table = self._content(self.filepath).head(rows).round(4).astype(object)
        return TablePreview(table.where(table.notna(), "").to_dict("split"))

    def _read(self, path: Path) -> pd.DataFrame:
        if self._columns == "text":
            return read_table(path)
        columns = TYPED_COLUMNS[self._columns] if self._columns else {}
        if path.suffix == ".parquet":
            table = pd.read_parquet(path)
        else:
            # A video may be called NA or 007: only an empty cell is missing, and a name is text.
            types = dict.fromkeys(NAME_COLUMNS, "str") | columns
            table = pd.read_csv(path, dtype=types, keep_default_na=False, na_values=[""])
        if missing := [name for name in columns if name not in table]:
            raise ValueError(f"it has no column {missing[0]}")  # of an older version
        if self._columns in KEYS:
            used = table if self._columns == "clips" else table[table["error"].isna()]
            check_rows(used, self._columns)
        return table

    def _write(self, data: pd.DataFrame, path: Path) -> None:
        (data.to_parquet if path.suffix == ".parquet" else data.to_csv)(path, index=False)


class JSONDataset(FileDataset):
    """Indented JSON.

    Args:
        filepath: the file.
        kind: dotted name of the type of its content, which is checked on loading.
        options: those of `FileDataset`.
    """

    def __init__(self, filepath: str, kind: str = "builtins.object", **options: Any) -> None:  # noqa: ANN401
        super().__init__(filepath, **options)
        self._kind = kind
        if kind != "builtins.object":
            self._mend = "run `kedro run --pipelines=evaluate`"

    def preview(self) -> JSONPreview:
        """Show the whole content, with null for NaN, which browsers cannot read."""
        text = json.dumps(self._content(self.filepath))
        return JSONPreview(json.dumps(json.loads(text, parse_constant=lambda _: None)))

    def _read(self, path: Path) -> Any:  # noqa: ANN401
        return read_record(path, load_obj(self._kind), self._mend)

    def _write(self, data: Any, path: Path) -> None:  # noqa: ANN401
        path.write_text(json.dumps(data, indent=1) + "\n", "utf-8")


class TextDataset(FileDataset):
    """Plain text, Markdown or HTML, according to the suffix."""

    def preview(self) -> HTMLPreview:
        """Show the whole text."""
        return text_preview(self._content(self.filepath), self.filepath.suffix)


def text_preview(text: str, suffix: str) -> HTMLPreview:
    """Convert text for Kedro-Viz, which shows a mixture of HTML and Markdown."""
    if suffix == ".html":
        # Styles would change the page around it, each end of line would be shown, and without its
        # style small print is not set apart from the number above it.
        text = re.sub(r"<(head|style|script|nav)\b.*?</\1>", "", text, flags=re.S)
        text = re.sub(r"\s+", " ", text).replace("<small", "<br><small")
    elif suffix == ".md":
        # It knows no spaces in the line below a table's head, and one list a text.
        text = re.sub(r"^\|[-:| ]+\|$", lambda line: line[0].replace(" ", ""), text, flags=re.M)
        text = re.sub(r"^- ", "• ", text, flags=re.M)
    else:
        text = f"<pre>{html.escape(text)}</pre>"
    # Underscores would set what is between them in italics.
    return HTMLPreview(text.replace("_", "\N{MODIFIER LETTER LOW MACRON}"))
