"""Writing a video to the store: frames, masks, leak classes and times, piece by piece."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgstp.core.files import GrowingArray, Piece, growing_array
from fgstp.footage.packed_masks import GAS, VOID, packed

FRAMES, MASKS, VOID_MASKS = "frames.npy", "masks.npy", "void.npy"
LEAK_CLASS, TIME_S = "leak_class.npy", "time_s.npy"
WRITTEN = (FRAMES, MASKS, VOID_MASKS, LEAK_CLASS, TIME_S)


class VideoWriter:
    """Writes a video piece by piece; see `VideoStore.writing`.

    Attributes:
        n_frames: number of frames written so far.
        parts: the arrays written so far, by name.
    """

    def __init__(self, path_of: Callable[[str], Path], files: ExitStack) -> None:
        """Begin a video.

        Args:
            path_of: gives the path of a part, such as `frames.npy`.
            files: closes the files.
        """
        self.n_frames = 0
        self.parts: dict[str, GrowingArray] = {}
        self._path_of = path_of
        self._files = files

    def append(
        self,
        frames: NDArray[np.uint8],
        times_s: NDArray[np.float64],
        *,
        annotated: NDArray[np.int64] | None = None,
        masks: NDArray[np.uint8] | None = None,
        leak_class: NDArray[np.int8] | None = None,
    ) -> None:
        """Append frames with their times, masks and leak classes.

        Args:
            frames: (T, H, W) uint8.
            times_s: (T,) seconds since the beginning of the video.
            annotated: (A,) numbers of the frames that have a mask, from 0 in `frames`, sorted;
                None for all, if there are masks.
            masks: (A, H, W) uint8: 0, 1 for gas, 255 for void; None without masks.
            leak_class: (T,) int8; None if unknown, then for all pieces of the video.

        Raises:
            UserError: the folder cannot be written or the disk is full.
        """
        self._append(FRAMES, frames)
        self._append(TIME_S, times_s)
        if masks is not None and len(masks):
            numbers = np.arange(len(frames)) if annotated is None else annotated
            self._append(MASKS, packed(self.n_frames + numbers, masks == GAS))
            void = masks == VOID
            if (some := void.any(axis=(1, 2))).any():
                self._append(VOID_MASKS, packed(self.n_frames + numbers[some], void[some]))
        if leak_class is not None:
            self._append(LEAK_CLASS, leak_class)
        self.n_frames += len(frames)

    def pieces(self) -> dict[Path, list[Piece]]:
        """Hashes of the files that were written, once their headers are."""
        return {self._path_of(part): array.pieces() for part, array in self.parts.items()}

    def _append(self, part: str, array: NDArray[Any]) -> None:
        if part not in self.parts:
            self.parts[part] = self._files.enter_context(growing_array(self._path_of(part)))
        self.parts[part].append(array)
