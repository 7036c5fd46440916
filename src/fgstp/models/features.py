"""Features of frames that a model is trained on, such as optical flow."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class VideoFeatures(Protocol):
    """Computes features of the frames of a video.

    Training samples and sessions compute what they need; nothing is stored yet. Implementations
    can be pickled.
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
            numbers: numbers of the frames, in any order.

        Yields:
            `shape` float16, in the order of `numbers`.
        """
