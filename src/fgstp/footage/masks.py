"""Masks on disk: a folder of pictures, one for each annotated frame of a video."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fgstp.core.errors import FootageError
from fgstp.core.fingerprint import signature
from fgstp.footage.pictures import list_pictures, read_picture

ASPECT_TOLERANCE = 0.02


@dataclass(frozen=True)
class MaskFolder:
    """The masks of one video.

    Attributes:
        folder: the folder of the mask files.
        files: mask file by the number of the frame, from 0.
    """

    folder: Path
    files: dict[int, Path]

    @classmethod
    def numbered(cls, folder: Path) -> "MaskFolder":
        """Find masks of a video file: the last number in a name is that of the frame, from 0.

        Raises:
            FootageError: a name has no number, or two names have the same.
        """
        masks = [(path, re.findall(r"\d+", path.stem)) for path in list_pictures(folder)]
        frames = {path: int(numbers[-1]) if numbers else None for path, numbers in masks}
        fault = "have no frame number in their name", "name masks by frame number from 0"
        return cls._of(folder, frames, fault)

    @classmethod
    def paired(cls, folder: Path, frames: tuple[Path, ...]) -> "MaskFolder":
        """Find masks of a folder of frames: a mask has the name of its frame, without suffix.

        Raises:
            FootageError: a mask belongs to no frame, or two masks to the same.
        """
        frame_of = {path.stem: number for number, path in enumerate(frames)}
        fault = "belong to no frame", "give a mask the name of its frame, or remove it"
        masks = {path: frame_of.get(path.stem) for path in list_pictures(folder)}
        return cls._of(folder, masks, fault)

    @classmethod
    def _of(
        cls, folder: Path, frames: dict[Path, int | None], fault: tuple[str, str]
    ) -> "MaskFolder":
        """Pair masks with frames; `fault` is the error of masks without one, and its remedy."""
        strays = [path for path, frame in frames.items() if frame is None]
        if strays:
            raise FootageError(
                f"{len(strays)} of the {len(frames)} masks in {folder} {fault[0]}, the first is "
                f"{strays[0].name}; {fault[1]}"
            )
        files: dict[int, Path] = {}
        for path, frame in frames.items():
            if frame is not None and files.setdefault(frame, path) is not path:
                raise FootageError(
                    f"the masks {files[frame].name} and {path.name} in {folder} are both of "
                    f"frame {frame}; remove one"
                )
        return cls(folder, files)

    def signature(self) -> str:
        """Hash of names, sizes and times of change."""
        return signature(self.files.values())

    def check_fits(self, n_frames: int) -> None:
        """Raise a `FootageError` if masks lie beyond the end of the video."""
        beyond = [frame for frame in self.files if frame >= n_frames]
        if beyond:
            raise FootageError(
                f"{len(beyond)} masks in {self.folder} lie beyond its {n_frames} frames, the "
                f"first is {self.files[min(beyond)].name}; put the masks of this video there"
            )

    def annotated(self, first_frame: int, n_frames: int) -> NDArray[np.int64]:
        """List the frames of a stretch that have a mask: (A,) int64, from 0 in the stretch."""
        stretch = range(first_frame, first_frame + n_frames)
        return np.array([frame - first_frame for frame in stretch if frame in self.files], np.int64)

    def read(self, numbers: Iterable[int], size: tuple[int, int]) -> NDArray[np.uint8]:
        """Read the masks of A frames: (A, H, W) uint8, 0/1.

        Args:
            numbers: numbers of the frames in the video; all must have a mask.
            size: height and width of the frames.

        Raises:
            FootageError: a mask is unreadable or does not fit its frame.
        """
        masks = [self._read(self.files[int(number)], size) for number in numbers]
        return np.array(masks, np.uint8).reshape(-1, *size)

    def _read(self, path: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
        try:
            return fit_mask(binarise(read_picture(path)), size)
        except FootageError as error:
            raise FootageError(f"the mask {path.name} in {self.folder}: {error}") from error


def binarise(image: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Convert a mask picture of any depth, grey or colour, to (H, W) uint8, 0/1.

    A pixel is foreground if any colour channel exceeds half the maximum of the depth; a picture
    of zeros and ones stays as it is.

    Args:
        image: (H, W) or (H, W, channels), unsigned integers; a fourth channel is ignored.

    Raises:
        FootageError: another dtype, or values that are neither background nor foreground.
    """
    if not np.issubdtype(image.dtype, np.unsignedinteger):
        raise FootageError(f"its pixels are {image.dtype}; save masks as 8 or 16 bit pictures")
    if image.ndim == 3:
        image = image[..., :3].max(axis=2)
    top, full = int(image.max()), int(np.iinfo(image.dtype).max)
    if 1 < top <= full // 2:
        raise FootageError(
            f"its brightest value is {top} of {full}, which is neither background nor "
            "foreground; save masks with 0 and 1, or 0 and the maximum"
        )
    foreground = image > (0 if top == 1 else full // 2)
    return foreground.astype(np.uint8)


def fit_mask(mask: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Resize a mask to the size (H, W) of its frame, by nearest neighbour.

    Raises:
        FootageError: the aspect ratios differ, so that it cannot be the mask of this frame.
    """
    height, width = size
    if mask.shape == size:
        return mask
    if abs(mask.shape[1] / mask.shape[0] / (width / height) - 1) > ASPECT_TOLERANCE:
        raise FootageError(
            f"it is {mask.shape[1]} x {mask.shape[0]}, which cannot be scaled to the frame's "
            f"{width} x {height}; save it in the proportions of the frame"
        )
    return np.asarray(cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)
