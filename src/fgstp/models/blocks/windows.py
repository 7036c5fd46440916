"""Sessions of models that predict windows of frames together."""

from abc import abstractmethod
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fgstp.models.session import Session

Frame = NDArray[np.uint8]


class WindowSession(Session):
    """Predicts windows of frames together, one after the other without overlap.

    The last window ends at the last frame, so it may begin at frames that have a map already,
    which they keep. A video that is shorter than a window is extended by its last frame.

    Attributes:
        n_frames: number of frames of a window.
    """

    n_frames: int = 1

    def _begin(self) -> None:
        self._frames: list[Frame] = []  # the last window's at least, if there was one
        self._n_new = 0  # of these, at the end, frames without a map

    @abstractmethod
    def windows(self, frames: Frame) -> NDArray[np.float32]:
        """Maps (B, T, H, W) float32 in [0, 1] of windows (B, T, H, W) uint8."""

    def _push(self, frame: Frame) -> Iterator[NDArray[np.float32]]:
        self._frames.append(frame.copy())
        self._n_new += 1
        if self._n_new == max(1, self.batch_frames // self.n_frames) * self.n_frames:
            yield from self._whole_windows()

    def _flush(self) -> Iterator[NDArray[np.float32]]:
        yield from self._whole_windows()
        if self._n_new:
            shown = self._frames[-self.n_frames :]
            filled = np.stack(shown + [shown[-1]] * (self.n_frames - len(shown)))
            maps = self.windows(filled[None])[0, : len(shown)]
            yield from maps[-self._n_new :]

    def _whole_windows(self) -> Iterator[NDArray[np.float32]]:
        """Maps of all whole windows of new frames."""
        count = self._n_new // self.n_frames
        if count:
            start = len(self._frames) - self._n_new
            frames = np.stack(self._frames[start : start + count * self.n_frames])
            maps = self.windows(frames.reshape(count, self.n_frames, *frames.shape[1:]))
            yield from maps.reshape(-1, *maps.shape[2:])
            self._n_new -= count * self.n_frames
        del self._frames[: max(0, len(self._frames) - self.n_frames - self._n_new)]
