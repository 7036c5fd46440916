"""Features that a model precomputes for training."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from fgstp.core.files import atomic_path

STORED = np.dtype(np.float16)


class VideoFeatures(Protocol):
    """Computes features of the frames of a video.

    They are worth storing because each epoch reads them again: the pipeline `features` writes
    `04_feature/<model>/<video>.npy`, (T, *shape) float16, a row per frame of the whole video, with
    `facts` in its fingerprint (see `write_features`), and training samples read rows of it.
    Sessions compute what they need themselves. Implementations can be pickled.
    """

    @property
    def facts(self) -> Mapping[str, object]:
        """What the features depend on beside the frames, as plain values."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the features of one frame."""

    def compute(
        self, frames: NDArray[np.uint8], numbers: Iterable[int]
    ) -> Iterator[NDArray[np.float16]]:
        """Features of some frames.

        Args:
            frames: (T, H, W), the whole video, since features may depend on other frames.
            numbers: numbers of the frames, in any order; rows of frames that no training
                sample uses need not be computed.

        Yields:
            `shape` float16, in the order of `numbers`.
        """


def write_features(
    path: Path, features: VideoFeatures, frames: NDArray[np.uint8], numbers: Sequence[int]
) -> None:
    """Write features of a video to a NumPy file; `np.load(path, mmap_mode="r")` reads them.

    Args:
        path: the file, replaced as a whole.
        features: what to compute.
        frames: (T, H, W), the whole video.
        numbers: numbers of the frames to compute. Other rows are 0 and, on most file systems,
            take no space.

    Raises:
        UserError: the folder cannot be written or the disk is full.
    """
    shape = len(frames), *features.shape
    header = {"descr": npy.dtype_to_descr(STORED), "fortran_order": False, "shape": shape}
    row_bytes = STORED.itemsize * math.prod(features.shape)
    # A memory-mapped file would end the process where the disk is full.
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        npy.write_array_header_1_0(stream, header)
        start = stream.tell()
        for number, values in zip(numbers, features.compute(frames, numbers), strict=True):
            stream.seek(start + number * row_bytes)
            stream.write(values.astype(STORED).tobytes())
        stream.truncate(start + len(frames) * row_bytes)
