"""Tables as CSV files that are written whole or not at all."""

from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import AbstractDataset

from fgstp.core.errors import UserError
from fgstp.core.files import atomic_path
from fgstp.footage.clip_table import CLIP_COLUMNS, VIDEO_COLUMNS

TYPED_COLUMNS = {"videos": VIDEO_COLUMNS, "clips": CLIP_COLUMNS}


class TableDataset(AbstractDataset[pd.DataFrame, pd.DataFrame]):
    """A CSV file with typed columns.

    Args:
        filepath: the file.
        columns: name of the set of columns, `videos` or `clips`.
        metadata: for Kedro-Viz and other readers of the catalog.
    """

    def __init__(
        self,
        filepath: str,
        columns: str,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._path = Path(filepath)
        self._columns = columns
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Read the table.

        Raises:
            UserError: the file is not there or is no table.
        """
        try:
            columns = TYPED_COLUMNS[self._columns]
            table = pd.read_csv(self._path, dtype=columns)
            if missing := [name for name in columns if name not in table]:
                raise ValueError(f"it has no column {missing[0]}")  # of an older version
            return table
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UserError(
                f"The table {self._path} cannot be read ({reason}); run "
                "`kedro run --pipelines=ingest` first."
            ) from error

    def save(self, data: pd.DataFrame) -> None:
        """Write the table without its index."""
        with atomic_path(self._path) as temporary:
            data.to_csv(temporary, index=False)

    def _exists(self) -> bool:
        return self._path.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path), "columns": self._columns}
