"""Sessions of models that propagate the mask of one frame."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from fgstp.models.blocks.frames import network_input
from fgstp.models.session import Session

EncodedT = TypeVar("EncodedT")


class FirstMaskSession(Session, Generic[EncodedT]):
    """Propagates the mask of a prompted frame to the frames after it.

    The maps of earlier frames are 0, and the map of the prompted frame is its mask. If the mask
    holds no gas, all maps are 0.
    """

    def _begin(self) -> None:
        self._mask = np.asarray(self.prompt.first_mask) > 0
        self._waiting: list[NDArray[np.uint8]] = []
        self._is_started = False

    @abstractmethod
    def encode(self, frames: Tensor) -> Iterable[EncodedT]:
        """Encode frames (B, 3, h, w), which do not depend on each other yet."""

    @abstractmethod
    def start(self, encoded: EncodedT, mask: Tensor) -> None:
        """Begin with the prompted frame and its mask (h, w) bool, at the network's size."""

    @abstractmethod
    def advance(self, encoded: EncodedT) -> Tensor:
        """Map (H, W) of the next frame, at the frames' size."""

    def _push(self, frame: NDArray[np.uint8]) -> Iterable[NDArray[np.float32]]:
        if self._n_pushed <= self.prompt.first_frame or not self._mask.any():
            return [np.zeros(self.size, np.float32)]
        self._waiting.append(frame.copy())
        return self._flush() if len(self._waiting) >= self.batch_frames else []

    def _flush(self) -> Iterator[NDArray[np.float32]]:
        if not self._waiting:
            return
        frames, self._waiting = torch.from_numpy(np.stack(self._waiting)), []
        settings, device = self.model.settings, self.model.device
        size = settings.height_px, settings.width_px
        for encoded in self.encode(network_input(frames.to(device), *size, settings.normalisation)):
            if self._is_started:
                yield self.advance(encoded).float().cpu().numpy()
            else:
                self._is_started = True
                self.start(encoded, resized_mask(torch.from_numpy(self._mask).to(device), size))
                yield self._mask.astype(np.float32)


def resized_mask(mask: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize a mask by nearest pixels.

    If no pixel of the result meets the gas, all pixels that touch it are gas, so that a small
    plume is not lost.

    Args:
        mask: (H, W) bool.
        size: height and width (h, w) of the result.

    Returns:
        (h, w) bool.
    """
    picture = mask[None, None].float()
    resized = functional.interpolate(picture, size, mode="nearest-exact")
    if not resized.any():
        resized = functional.adaptive_max_pool2d(picture, size)
    return resized[0, 0] > 0
