"""Features that a model precomputes for training."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class VideoFeatures(Protocol):
    """Computes features of the frames of a video.

    They are worth storing because each epoch reads them again: the pipeline `features` writes
    `04_feature/<model>/<video>.npy`, (T, *shape) float16, a row per frame of the whole video, with
    `facts` in its fingerprint, and the samples of the training read rows of it. Sessions
    compute what they need themselves. Implementations can be pickled.
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
