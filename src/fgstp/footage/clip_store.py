"""The folder of clips: one file of frames, one of masks and one of leak classes a clip."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgstp.core.errors import UserError
from fgstp.core.files import atomic_path, remove_file
from fgstp.footage.clips import Clip

FRAMES, MASKS, LEAK_CLASS = "frames", "masks", "leak_class"


@dataclass(frozen=True)
class ClipData:
    """Views of the files of one clip.

    Attributes:
        frames: (T, H, W) uint8, memory-mapped and read-only.
        annotated: (A,) int64: numbers of the frames that have a mask.
    """

    frames: NDArray[np.uint8]
    annotated: NDArray[np.int64]
    _masks: NDArray[np.uint8]

    def masks(self, numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Masks of some annotated frames: (n, H, W) uint8, 0/1."""
        return np.asarray(self._masks[numbers])


@dataclass(frozen=True)
class ClipStore:
    """Clips on disk, memory-mapped when they are read.

    Attributes:
        folder: where they lie; made when the first clip is written.
    """

    folder: Path

    def path(self, clip: str, part: str) -> Path:
        """File of one part of a clip: `frames`, `masks` or `leak_class`."""
        return self.folder / f"{clip}.{part}.npy"

    def write(self, name: str, clip: Clip) -> None:
        """Write a clip, each of its files whole or not at all.

        Args:
            name: id of the clip.
            clip: what to write; parts that are None leave no file.

        Raises:
            UserError: the folder cannot be written or the disk is full.
        """
        parts = {FRAMES: clip.frames, MASKS: clip.masks, LEAK_CLASS: clip.leak_class}
        for part, array in parts.items():
            path = self.path(name, part)
            if array is None:
                remove_file(path)
                continue
            with atomic_path(path) as temporary, temporary.open("wb") as stream:
                np.save(stream, array)

    def frames(self, clip: str) -> NDArray[np.uint8]:
        """Frames of a clip: (T, H, W) uint8, memory-mapped and read-only.

        Raises:
            UserError: the clip is not there.
        """
        return self._load(clip, FRAMES)

    def masks(self, clip: str) -> NDArray[np.uint8] | None:
        """Masks of a clip: (T, H, W) uint8, 0/1, memory-mapped; None if it has none."""
        return self._load(clip, MASKS) if self.path(clip, MASKS).exists() else None

    def clip(self, clip: str) -> ClipData:
        """Views of a clip that has masks.

        Raises:
            UserError: it is not there, or its masks are gone.
        """
        masks = self.masks(clip)
        if masks is None:
            raise UserError(f"The masks of the clip {clip} are gone; run ingest again.")
        return ClipData(self.frames(clip), np.arange(len(masks)), masks)

    def leak_class(self, clip: str) -> NDArray[np.int8] | None:
        """Leak class of each frame: (T,) int8; None if unknown."""
        return self._load(clip, LEAK_CLASS) if self.path(clip, LEAK_CLASS).exists() else None

    def _load(self, clip: str, part: str) -> NDArray[Any]:
        path = self.path(clip, part)
        try:
            array: NDArray[Any] = np.load(path, mmap_mode="r")
        except (OSError, ValueError, EOFError) as error:
            raise UserError(
                f"The clip {clip} cannot be read from {path}; run `kedro run --pipelines=ingest`."
            ) from error
        return array

    def holds(self, clip: str, *, with_masks: bool, with_leak_class: bool) -> bool:
        """Whether all files of a clip are there."""
        return (
            self.path(clip, FRAMES).exists()
            and self.path(clip, MASKS).exists() == with_masks
            and self.path(clip, LEAK_CLASS).exists() == with_leak_class
        )

    def remove_all_but(self, clips: Iterable[str]) -> int:
        """Remove the files of all other clips, and what an interrupted run left half-written.

        Only files with the names that this class gives are touched.

        Args:
            clips: ids of the clips to keep.

        Returns:
            Number of files removed.
        """
        wanted = {self.path(clip, part) for clip in clips for part in (FRAMES, MASKS, LEAK_CLASS)}
        stale = {path for path in self._own_files() if path not in wanted}
        for path in stale:
            remove_file(path)
        return len(stale)

    def _own_files(self) -> Iterator[Path]:
        for part in (FRAMES, MASKS, LEAK_CLASS):
            yield from self.folder.glob(f"*.{part}.npy")
