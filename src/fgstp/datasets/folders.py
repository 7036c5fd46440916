"""Datasets of folders: of figures, of texts, and of files too large to pass through memory."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset
from kedro.utils import load_obj
from kedro_datasets._typing import HTMLPreview, ImagePreview
from matplotlib.figure import Figure

from fgstp.core.files import atomic_path, make_folder, remove_file
from fgstp.core.temporaries import TEMPORARY_PREFIX, sweep
from fgstp.datasets.files import text_preview


class FolderDataset(AbstractDataset[Callable[[Any], object], Any]):
    """A folder of files that are too large to pass through memory.

    A node that reads the folder gets a handle. A node that writes the folder returns a function
    `work(handle)`, which Kedro calls when it saves the output. It may keep files of an
    interrupted run.

    Args:
        filepath: the folder.
        handle: dotted name of the class of the handle, whose only argument is the folder.
        metadata: for Kedro-Viz and other readers of the catalog.
    """

    def __init__(
        self, filepath: str, handle: str = "pathlib.Path", metadata: dict[str, Any] | None = None
    ) -> None:
        self.folder = Path(filepath)
        self._handle = handle
        self.metadata = metadata

    def load(self) -> Any:  # noqa: ANN401 - the class of the handle is configured
        """Make the handle; the folder need not exist."""
        # Not resolved earlier, since some handles import torch.
        return load_obj(self._handle)(self.folder)

    def save(self, data: Callable[[Any], object]) -> None:
        """Make the folder and call the function with the handle.

        Raises:
            UserError: the folder cannot be made.
        """
        make_folder(self.folder)
        sweep(self.folder)
        data(load_obj(self._handle)(self.folder))

    def _exists(self) -> bool:
        return self.folder.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self.folder), "handle": self._handle}


class FilesDataset(AbstractDataset[dict[str, Any], dict[str, Any]]):
    """A dict of files by name, each written whole or not at all.

    Args:
        filepath: the folder.
        metadata: for Kedro-Viz and other readers of the catalog.
    """

    SUFFIX = ""  # of every file, where it is no part of the name

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self.folder = Path(filepath)
        self.metadata = metadata

    def load(self) -> dict[str, Any]:
        """Read all files."""
        return {path.name.removesuffix(self.SUFFIX): self._read(path) for path in self._paths()}

    def save(self, data: dict[str, Any]) -> None:
        """Write each file, and remove others with the same suffixes; the folder is always made."""
        make_folder(self.folder)
        sweep(self.folder)
        kept = {self.folder / f"{name}{self.SUFFIX}": content for name, content in data.items()}
        for path, content in kept.items():
            with atomic_path(path) as temporary:
                self._write(content, temporary)
        suffixes = {path.suffix for path in kept} or {self.SUFFIX}
        for path in self._paths():
            if path.suffix in suffixes and path not in kept:
                remove_file(path)

    def _paths(self) -> list[Path]:
        return sorted(
            path
            for path in self.folder.glob(f"*{self.SUFFIX}")
            if path.is_file() and not path.name.startswith(TEMPORARY_PREFIX)
        )

    def _read(self, path: Path) -> Any:  # noqa: ANN401
        return path.read_text("utf-8")

    def _write(self, content: Any, path: Path) -> None:  # noqa: ANN401
        path.write_text(content, "utf-8")

    def _exists(self) -> bool:
        return self.folder.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self.folder)}


class FiguresDataset(FilesDataset):
    """Matplotlib figures as PNG, which are loaded as bytes."""

    SUFFIX = ".png"

    def preview(self) -> ImagePreview:
        """Show the first picture."""
        return ImagePreview(base64.b64encode(self._paths()[0].read_bytes()).decode())

    def _read(self, path: Path) -> bytes:
        return path.read_bytes()

    def _write(self, content: Figure, path: Path) -> None:
        content.savefig(path)


class PaperFiguresDataset(FiguresDataset):
    """Matplotlib figures as PNG, which are loaded, and as PDF for papers."""

    def save(self, data: dict[str, Any]) -> None:
        """Write each figure in both forms, and remove others."""
        super().save(data)
        pages = {self.folder / f"{name}.pdf": figure for name, figure in data.items()}
        for path, figure in pages.items():
            with atomic_path(path) as temporary:
                figure.savefig(temporary, metadata={"CreationDate": None})
        for path in self.folder.glob("*.pdf"):
            if path not in pages and not path.name.startswith(TEMPORARY_PREFIX):
                remove_file(path)


class TextsDataset(FilesDataset):
    """UTF-8 texts, such as a table in several forms."""

    def preview(self) -> HTMLPreview:
        """Show the texts in Markdown."""
        pages = [path for path in self._paths() if path.suffix == ".md"]
        return text_preview("\n\n".join(self._read(path) for path in pages), ".md")
