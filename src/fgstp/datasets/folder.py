"""Folders as Kedro datasets: nodes read through a handle and return the work that fills it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset
from kedro.utils import load_obj

from fgstp.core.files import make_folder


class FolderDataset(AbstractDataset[Callable[[Any], object], Any]):
    """A folder that is too large to pass through memory.

    A node that reads the folder gets its handle. A node that makes the folder returns a
    function `work(handle)`, which is called when Kedro saves the output, so that every file
    appears as an output of a node, is written as soon as it is ready, and never as a whole in
    memory. Work that finds the files of an interrupted run may keep them.

    Args:
        filepath: the folder.
        handle: dotted name of the class of the handle, which takes the folder alone.
        metadata: for Kedro-Viz and other readers of the catalog.
    """

    def __init__(
        self, filepath: str, handle: str = "pathlib.Path", metadata: dict[str, Any] | None = None
    ) -> None:
        self._folder = Path(filepath)
        self._handle = handle
        self.metadata = metadata

    def load(self) -> Any:  # noqa: ANN401 - the class of the handle is configured
        """The handle; the folder itself may not exist yet."""
        # Not resolved earlier, since some handles import torch.
        return load_obj(self._handle)(self._folder)

    def save(self, data: Callable[[Any], object]) -> None:
        """Make the folder and call the work with the handle.

        Args:
            data: the work.

        Raises:
            UserError: the folder cannot be made.
        """
        make_folder(self._folder)
        data(load_obj(self._handle)(self._folder))

    def _exists(self) -> bool:
        return self._folder.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._folder), "handle": self._handle}
