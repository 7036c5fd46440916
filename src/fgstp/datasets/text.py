"""Text files that are written whole or not at all."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from fgstp.core.files import write_text


class TextDataset(AbstractDataset[str, str]):
    """A UTF-8 text file, such as a page of Markdown.

    Args:
        filepath: the file.
        metadata: for Kedro-Viz and other readers of the catalog.
    """

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._path = Path(filepath)
        self.metadata = metadata

    def load(self) -> str:
        """Read the text."""
        return self._path.read_text("utf-8")

    def save(self, data: str) -> None:
        """Write the text."""
        write_text(self._path, data)

    def _exists(self) -> bool:
        return self._path.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}
