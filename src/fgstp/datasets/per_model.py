"""Files of which there is one a model: one of them, or all of them together."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from kedro.io import AbstractDataset, DatasetError

from fgstp.core.errors import UserError
from fgstp.core.files import TEMPORARY_PREFIX, atomic_path, write_text

STAR = "*"


def _read_json(path: Path) -> Any:  # noqa: ANN401 - whatever JSON holds
    return json.loads(path.read_text("utf-8"))


def _write_json(data: Any, path: Path) -> None:  # noqa: ANN401
    write_text(path, json.dumps(data, indent=1) + "\n")


def _read_csv(path: Path) -> pd.DataFrame:
    # A video may be called NA: only an empty cell is a missing one.
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


def _write_csv(data: pd.DataFrame, path: Path) -> None:
    with atomic_path(path) as temporary:
        data.to_csv(temporary, index=False)


def _write_parquet(data: pd.DataFrame, path: Path) -> None:
    with atomic_path(path) as temporary:
        data.to_parquet(temporary, index=False)


class Form(NamedTuple):
    """How files of a form are read and written.

    Attributes:
        read: content of a file.
        write: a file of a content, whole or not at all.
    """

    read: Callable[[Path], Any]
    write: Callable[[Any, Path], None]


FORMS = {
    ".json": Form(_read_json, _write_json),
    ".csv": Form(_read_csv, _write_csv),
    ".parquet": Form(pd.read_parquet, _write_parquet),
}


class PerModelDataset(AbstractDataset[Any, Any]):
    """A file of each model: JSON, or a table as CSV or Parquet, as the suffix says.

    With `model`, that model's file is loaded and saved. Without, all files that are there
    are loaded, by name of the model. In a catalog the two are the two sides of one
    transcoded dataset, `scores@one` and `scores@all`, so that what needs all runs after what
    makes one.

    Args:
        filepath: path of the files, with `*` for the name of the model.
        model: name of the model.
        metadata: for Kedro-Viz and other readers of the catalog.
    """

    def __init__(
        self, filepath: str, model: str | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        pattern = Path(filepath)
        if filepath.count(STAR) != 1:
            raise DatasetError(f"{filepath} must hold one *, for the name of the model")
        if pattern.suffix not in FORMS:
            raise DatasetError(f"{filepath} must end in one of {', '.join(FORMS)}")
        self._pattern = filepath
        self._form = FORMS[pattern.suffix]
        self._model = model
        self.metadata = metadata

    def load(self) -> Any:  # noqa: ANN401
        """The content of the model's file, or a dict of all contents by model.

        Raises:
            UserError: a file cannot be read.
        """
        if self._model is not None:
            return self._read(self._model)
        return {name: self._read(name) for name in self._models()}

    def save(self, data: Any) -> None:  # noqa: ANN401
        """Write the model's file.

        Raises:
            DatasetError: no model is named.
        """
        if self._model is None:
            raise DatasetError(f"{self._pattern} stands for many files; save one model's")
        self._form.write(data, self._path(self._model))

    def _read(self, model: str) -> Any:  # noqa: ANN401
        path = self._path(model)
        try:
            return self._form.read(path)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UserError(
                f"{path} cannot be read ({reason}); run the pipelines before this one, with "
                f"--params=model={model}, to make it."
            ) from error

    def _path(self, model: str) -> Path:
        return Path(self._pattern.replace(STAR, model))

    def _models(self) -> list[str]:
        before, after = self._pattern.split(STAR)
        folder, _, start = before.rpartition("/")
        found = sorted(Path(folder or ".").glob(f"{start}{STAR}{after}"))
        names = (
            path.relative_to(folder or ".").as_posix()
            for path in found
            if not path.name.startswith(TEMPORARY_PREFIX)  # a killed run may leave one
        )
        return [name[len(start) : -len(after)] for name in names]

    def _exists(self) -> bool:
        if self._model is None:
            return bool(self._models())
        return self._path(self._model).is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._pattern, "model": self._model}
