"""Tables that describe videos, as people write them: text cells and lines of comment."""

from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
from kedro.io import AbstractDataset, DatasetError

from fgstp.footage.sources.table import read_table


class VideoTableDataset(AbstractDataset[NoReturn, pd.DataFrame]):
    """A CSV file that people edit and the pipelines only read.

    Args:
        filepath: the file.
        metadata: for Kedro-Viz and other readers of the catalog.
    """

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._path = Path(filepath)
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Read the table, its cells as text.

        Raises:
            UserError: the file cannot be read as a table.
        """
        return read_table(self._path)

    def save(self, data: NoReturn) -> None:
        """Such a table is for people to write.

        Raises:
            DatasetError: always.
        """
        raise DatasetError(f"{self._path} is written by people, not by nodes")

    def _exists(self) -> bool:
        return self._path.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}
