"""Folders as Kedro datasets: nodes get a handle and read and write in them themselves."""

from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from fgstp.footage.clip_store import ClipStore
from fgstp.footage.records import RecordStore

HANDLES = {"path": Path, "clips": ClipStore, "records": RecordStore}


class FolderDataset(AbstractDataset[NoReturn, Any]):
    """A folder that is too large to pass through memory.

    Args:
        filepath: the folder.
        handle: what nodes get: a `path`, `clips` a `ClipStore`, `records` a `RecordStore`.
        metadata: for Kedro-Viz and other readers of the catalog.
    """

    def __init__(self, filepath: str, handle: str, metadata: dict[str, Any] | None = None) -> None:
        if handle not in HANDLES:
            raise DatasetError(f"handle is '{handle}', but must be one of {', '.join(HANDLES)}")
        self._folder = Path(filepath)
        self._handle = handle
        self.metadata = metadata

    def load(self) -> Path | ClipStore | RecordStore:
        """The handle; the folder itself may not be there yet."""
        return HANDLES[self._handle](self._folder)

    def save(self, data: NoReturn) -> None:
        """Nodes write through the handle; there is nothing to save.

        Raises:
            DatasetError: always.
        """
        raise DatasetError(f"{self._folder} is written through its handle, not saved")

    def _exists(self) -> bool:
        return self._folder.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._folder), "handle": self._handle}
