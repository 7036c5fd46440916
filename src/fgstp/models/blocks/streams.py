"""Sessions of models that look at some frames together: neighbours, or windows."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fgstp.models.session import Session

EncodedT = TypeVar("EncodedT")
Frame = NDArray[np.uint8]


class NeighbourSession(Session, Generic[EncodedT]):
    """Encodes each frame once, and decodes it together with its neighbours.

    A neighbour before the first or after the last frame is replaced by the nearest frame there
    is. With `batch_frames` of 1, the delay is the largest positive offset.

    Attributes:
        offsets_frames: offsets from a frame to its neighbours.
    """

    offsets_frames: tuple[int, ...] = ()

    def _begin(self) -> None:
        self._waiting: list[Frame] = []  # not encoded yet
        self._encoded: dict[int, EncodedT] = {}
        self._n_encoded = 0
        self._next = 0  # number of the next frame to decode

    @abstractmethod
    def encode(self, frames: Tensor) -> Sequence[EncodedT]:
        """Encode frames (B, H, W) uint8, each by itself."""

    @abstractmethod
    def decode(self, groups: list[tuple[EncodedT, ...]]) -> Tensor:
        """Maps (B, H, W) in [0, 1] of groups of a target and its neighbours."""

    def _push(self, frame: Frame) -> Iterator[NDArray[np.float32]]:
        self._waiting.append(frame.copy())
        if len(self._waiting) == self.batch_frames:
            self._encode()
            yield from self._decode(is_end=False)

    def _flush(self) -> Iterator[NDArray[np.float32]]:
        self._encode()
        yield from self._decode(is_end=True)

    def _encode(self) -> None:
        if not self._waiting:
            return
        frames, self._waiting = torch.from_numpy(np.stack(self._waiting)), []
        for encoded in self.encode(frames.to(self.model.device)):
            self._encoded[self._n_encoded] = encoded
            self._n_encoded += 1

    def _decode(self, *, is_end: bool) -> Iterator[NDArray[np.float32]]:
        ahead = max(0, *self.offsets_frames, 0)
        ready = self._n_encoded if is_end else self._n_encoded - ahead
        last = self._n_encoded - 1
        while self._next < ready and (is_end or ready - self._next >= self.batch_frames):
            stop = min(self._next + self.batch_frames, ready)
            groups = [
                tuple(
                    self._encoded[min(max(number + offset, 0), last)]
                    for offset in (0, *self.offsets_frames)
                )
                for number in range(self._next, stop)
            ]
            yield from self.decode(groups).float().cpu().numpy()
            self._next = stop
            oldest = stop + min(0, *self.offsets_frames, 0)
            for number in [each for each in self._encoded if each < oldest]:
                if number != last:  # beyond the end, it stands in for those that are missing
                    del self._encoded[number]


class WindowSession(Session):
    """Predicts windows of frames together, one after the other without overlap.

    The last window ends at the last frame: it begins earlier, over frames whose maps are out
    already and stay. A video that is shorter than a window is extended by its last frame.

    Attributes:
        n_frames: number of frames of a window.
    """

    n_frames: int = 1

    def _begin(self) -> None:
        self._frames: list[Frame] = []  # the last window's at least, if there was one
        self._n_new = 0  # of these, at the end, frames without a map

    @abstractmethod
    def windows(self, frames: NDArray[np.uint8]) -> Tensor:
        """Maps (B, T, H, W) in [0, 1] of windows (B, T, H, W) uint8."""

    def _push(self, frame: Frame) -> Iterator[NDArray[np.float32]]:
        self._frames.append(frame.copy())
        self._n_new += 1
        at_once = max(1, self.batch_frames // self.n_frames)
        if self._n_new == at_once * self.n_frames:
            yield from self._whole_windows()

    def _flush(self) -> Iterator[NDArray[np.float32]]:
        yield from self._whole_windows()
        if self._n_new:
            shown = self._frames[-self.n_frames :]
            filled = np.stack(shown + [shown[-1]] * (self.n_frames - len(shown)))
            maps = self.windows(filled[None])[0, : len(shown)]
            yield from maps[-self._n_new :].float().cpu().numpy()

    def _whole_windows(self) -> Iterator[NDArray[np.float32]]:
        """Maps of all whole windows of new frames."""
        count = self._n_new // self.n_frames
        if count:
            start = len(self._frames) - self._n_new
            frames = np.stack(self._frames[start : start + count * self.n_frames])
            maps = self.windows(frames.reshape(count, self.n_frames, *frames.shape[1:]))
            yield from maps.flatten(0, 1).float().cpu().numpy()
            self._n_new -= count * self.n_frames
        del self._frames[: max(0, len(self._frames) - self.n_frames - self._n_new)]
