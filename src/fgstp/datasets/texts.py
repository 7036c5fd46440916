"""Folders of text files, such as a table in several forms."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from fgstp.core.files import TEMPORARY_PREFIX, remove_file, write_text


class TextsDataset(AbstractDataset[dict[str, str], dict[str, str]]):
    """UTF-8 texts by file name; other files of the same suffixes in the folder are removed.

    Args:
        filepath: the folder.
        metadata: for Kedro-Viz and other readers of the catalog.
    """

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._folder = Path(filepath)
        self.metadata = metadata

    def load(self) -> dict[str, str]:
        """Read all texts."""
        files = sorted(path for path in self._folder.glob("*") if path.is_file())
        return {
            path.name: path.read_text("utf-8")
            for path in files
            if not path.name.startswith(TEMPORARY_PREFIX)
        }

    def save(self, data: dict[str, str]) -> None:
        """Write each text."""
        for name, text in data.items():
            write_text(self._folder / name, text)
        suffixes = {Path(name).suffix for name in data}
        for path in self._folder.glob("*"):
            if path.suffix in suffixes and path.name not in data:
                remove_file(path)

    def _exists(self) -> bool:
        return self._folder.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._folder)}
