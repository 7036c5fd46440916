"""Matplotlib figures as a folder of PNG pictures."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset
from matplotlib.figure import Figure

from fgstp.core.files import TEMPORARY_PREFIX, atomic_path


class FiguresDataset(AbstractDataset[dict[str, Figure], dict[str, bytes]]):
    """Figures by name, one PNG each; pictures of other names in the folder are removed.

    Args:
        filepath: the folder.
        metadata: for Kedro-Viz and other readers of the catalog.
    """

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._folder = Path(filepath)
        self.metadata = metadata

    def load(self) -> dict[str, bytes]:
        """The PNG files by name: a picture does not turn back into a figure."""
        return {
            path.stem: path.read_bytes()
            for path in sorted(self._folder.glob("*.png"))
            if not path.name.startswith(TEMPORARY_PREFIX)
        }

    def save(self, data: dict[str, Figure]) -> None:
        """Write each figure as `<name>.png`."""
        for name, figure in data.items():
            with atomic_path(self._folder / f"{name}.png") as temporary:
                figure.savefig(temporary)
        for path in self._folder.glob("*.png"):
            if path.stem not in data:
                path.unlink()

    def _exists(self) -> bool:
        return self._folder.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._folder)}
