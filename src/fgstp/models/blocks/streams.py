"""Sessions that several models share: neighbours, and the mask of one frame."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from fgstp.models.blocks.frames import network_input
from fgstp.models.session import Session

EncodedT = TypeVar("EncodedT")
Frame = NDArray[np.uint8]


class NeighbourSession(Session, Generic[EncodedT]):
    """Encodes each frame once, and decodes it together with its neighbours.

    The neighbours lie at the offsets `offsets_frames` of the model; one before the first or after
    the last frame is replaced by the nearest frame there is. With `batch_frames` of 1, the delay
    is the largest positive offset.
    """

    def _begin(self) -> None:
        self._offsets_frames: tuple[int, ...] = self.model.offsets_frames
        self._waiting: list[NDArray[Any]] = []  # not encoded yet
        self._encoded: dict[int, EncodedT] = {}
        self._n_encoded = 0
        self._next = 0  # number of the next frame to decode

    def shown(self, frame: Frame) -> NDArray[Any]:
        """What `encode` is given of a frame: by default the frame itself."""
        return frame.copy()

    @abstractmethod
    def encode(self, frames: Tensor) -> Sequence[EncodedT]:
        """Encode what is shown of frames, such as (B, H, W) uint8, each by itself."""

    @abstractmethod
    def decode(self, groups: list[tuple[EncodedT, ...]]) -> Tensor:
        """Maps (B, H, W) in [0, 1] of groups of a target and its neighbours."""

    def _push(self, frame: Frame) -> Iterator[NDArray[np.float32]]:
        self._waiting.append(self.shown(frame))
        if len(self._waiting) == self.batch_frames:
            self._encode()
            yield from self._decode(is_end=False)

    def _flush(self) -> Iterator[NDArray[np.float32]]:
        if self._waiting:
            self._encode()
        yield from self._decode(is_end=True)

    def _encode(self) -> None:
        frames, self._waiting = torch.from_numpy(np.stack(self._waiting)), []
        for encoded in self.encode(frames.to(self.model.device)):
            self._encoded[self._n_encoded] = encoded
            self._n_encoded += 1

    def _decode(self, *, is_end: bool) -> Iterator[NDArray[np.float32]]:
        ready = self._n_encoded if is_end else self._n_encoded - max(0, *self._offsets_frames, 0)
        last = self._n_encoded - 1
        while self._next < ready and (is_end or ready - self._next >= self.batch_frames):
            stop = min(self._next + self.batch_frames, ready)
            groups = [
                tuple(
                    self._encoded[min(max(number + offset, 0), last)]
                    for offset in (0, *self._offsets_frames)
                )
                for number in range(self._next, stop)
            ]
            yield from self.decode(groups).float().cpu().numpy()
            self._next = stop
            oldest = stop + min(0, *self._offsets_frames, 0)
            for number in [each for each in self._encoded if each < oldest]:
                if number != last:  # beyond the end, it stands in for those that are missing
                    del self._encoded[number]


class FirstMaskSession(Session, Generic[EncodedT]):
    """Propagates the mask of a prompted frame to the frames after it.

    Maps are 0 before the prompted frame, whose map is its mask, and everywhere if the mask holds
    no gas.
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
    """Resize a mask (H, W) bool to a size (h, w) by nearest pixels.

    If no pixel of the result meets the gas, all pixels that touch it are gas, so that a small
    plume is not lost.
    """
    picture = mask[None, None].float()
    resized = functional.interpolate(picture, size, mode="nearest-exact")
    if not resized.any():
        resized = functional.adaptive_max_pool2d(picture, size)
    return resized[0, 0] > 0
