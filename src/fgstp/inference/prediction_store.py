"""The folder of predictions of one model: a file a clip."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fgstp.core.errors import UserError
from fgstp.core.files import atomic_path, remove_file, write_text
from fgstp.models.seeds import seed_folder

MADE_BY = "made_by.txt"


@dataclass(frozen=True)
class PredictionStore:
    """Predictions on disk, memory-mapped when they are read.

    Attributes:
        folder: where they lie; made when the first is written.
    """

    folder: Path

    def path(self, clip: str) -> Path:
        """File of a clip's predictions."""
        return self.folder / f"{clip}.npy"

    def holds(self, clip: str) -> bool:
        """Whether a clip has been predicted."""
        return self.path(clip).is_file()

    def write(self, clip: str, maps: NDArray[np.uint8]) -> None:
        """Write the predictions of a clip, whole or not at all.

        Args:
            clip: id of the clip.
            maps: (T, H, W) uint8, probabilities 0 to 255.

        Raises:
            UserError: the folder cannot be written or the disk is full.
        """
        with atomic_path(self.path(clip)) as temporary, temporary.open("wb") as stream:
            np.save(stream, maps)

    def read(self, clip: str) -> NDArray[np.uint8]:
        """Predictions of a clip: (T, H, W) uint8, memory-mapped and read-only.

        Raises:
            UserError: there are none.
        """
        try:
            maps: NDArray[np.uint8] = np.load(self.path(clip), mmap_mode="r")
        except (OSError, ValueError, EOFError) as error:
            raise UserError(
                f"The predictions of the clip {clip} cannot be read from {self.path(clip)}; "
                "run `kedro run --pipelines=evaluate` for this model."
            ) from error
        return maps

    def made_by(self, maker: str) -> None:
        """Say what makes the predictions; those that something else made are removed.

        Args:
            maker: a line that tells checkpoint and data.
        """
        note = self.folder / MADE_BY
        if note.is_file() and note.read_text("utf-8").strip() == maker:
            return
        self.remove_all_but([])
        write_text(note, f"{maker}\n")

    def remove_all_but(self, clips: list[str]) -> None:
        """Remove the predictions of all other clips."""
        for path in self.folder.glob("*.npy"):
            if path.stem not in clips:
                remove_file(path)


def prediction_stores(folder: Path, n_trainings: int) -> list[PredictionStore]:
    """Stores of the predictions of each training of a model.

    Args:
        folder: folder of the model's predictions.
        n_trainings: number of trainings.
    """
    return [PredictionStore(seed_folder(folder, 1 + k)) for k in range(n_trainings)]
