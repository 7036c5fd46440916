"""Matplotlib figures as a folder of PNG pictures."""

from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError
from matplotlib.figure import Figure

from fgstp.files import atomic_path


class FiguresDataset(AbstractDataset[dict[str, Figure], NoReturn]):
    """Figures by name, one PNG each; pictures of other names in the folder are removed.

    Args:
        filepath: the folder.
        metadata: for Kedro-Viz and other readers of the catalog.
    """

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._folder = Path(filepath)
        self.metadata = metadata

    def load(self) -> NoReturn:
        """A picture does not turn back into a figure.

        Raises:
            DatasetError: always.
        """
        raise DatasetError(f"the pictures in {self._folder} are for people, not for nodes")

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
