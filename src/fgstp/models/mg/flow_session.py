"""A session on optical flow to the frames around each frame."""

from abc import abstractmethod
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fgstp.models.mg.flow import VideoFlow, other_frame
from fgstp.models.session import Session


class FlowSession(Session):
    """A frame is predicted when all frames that it is compared with have been pushed.

    Near the beginning, where negative gaps become positive ones, that is later than `max(gaps)`
    says.
    """

    def _begin(self) -> None:
        self._flow = self.video_flow()
        # A waiting frame is at most the largest gap old, and compared with frames as far again.
        self._capacity = 2 * max(map(abs, self._flow.gaps_frames)) + 1
        self._frames: dict[int, NDArray[np.uint8]] = {}  # the last ones
        self._n_compared = 0
        self._waiting: list[NDArray[np.float16]] = []  # fields

    @abstractmethod
    def video_flow(self) -> VideoFlow:
        """What computes the fields."""

    @abstractmethod
    def maps(self, fields: NDArray[np.float32]) -> NDArray[np.float32]:
        """Maps (N, H, W) in [0, 1] of the next N frames, of their fields (G, N, 2, h, w)."""

    def _push(self, frame: NDArray[np.uint8]) -> Iterator[NDArray[np.float32]]:
        self._frames[self._n_pushed - 1] = frame.copy()
        self._frames.pop(self._n_pushed - 1 - self._capacity, None)
        return self._maps(is_end=False)

    def _flush(self) -> Iterator[NDArray[np.float32]]:
        return self._maps(is_end=True)

    def _maps(self, *, is_end: bool) -> Iterator[NDArray[np.float32]]:
        # As long as the end is not known, no frame is beyond it.
        n_frames = self._n_pushed if is_end else self._n_pushed + self._capacity
        while self._n_compared < self._n_pushed:
            number = self._n_compared
            others = [other_frame(number, gap, n_frames) for gap in self._flow.gaps_frames]
            if max(others) >= self._n_pushed:
                break
            compared = (self._frames[other] for other in others)
            self._waiting.append(self._flow.fields(self._frames[number], compared))
            self._n_compared += 1
            if len(self._waiting) == self.batch_frames:
                yield from self._predict()
        if is_end and self._waiting:
            yield from self._predict()

    def _predict(self) -> NDArray[np.float32]:
        """Maps (N, H, W) of the N frames whose fields are waiting."""
        fields, self._waiting = np.array(self._waiting, np.float32).swapaxes(0, 1), []
        return self.maps(fields)
