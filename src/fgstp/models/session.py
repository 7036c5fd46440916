"""Sessions: frames of one video are pushed in, predictions come out."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgstp.core.errors import UserError

if TYPE_CHECKING:
    from fgstp.models.base import Model

TOP_FRACTION = 0.001  # of the pixels, in the default score of a frame


class Prompt(NamedTuple):
    """What a model is given beside the frames of a session.

    Attributes:
        first_mask: (H, W) uint8, 0/1: the gas of one frame.
        first_frame: number of that frame in the session, from 0.
        masks: (T, H, W) uint8, 0/1: the gas of all frames, for an oracle.
        n_frames: number of frames of the session, if known.
    """

    first_mask: NDArray[np.uint8] | None = None
    first_frame: int = 0
    masks: NDArray[np.uint8] | None = None
    n_frames: int | None = None


class Prediction(NamedTuple):
    """Prediction of one frame.

    Attributes:
        frame: number of the frame in the session, from 0.
        time_s: time of the frame in seconds.
        map: (H, W) float32 in [0, 1]: probability of gas.
        score: confidence that the frame holds gas.
    """

    frame: int
    time_s: float
    map: NDArray[np.float32]
    score: float


class Session(ABC):
    """One video on its way through a model; it holds all state.

    Args:
        model: the model; its network is used in evaluation mode.
        size: height and width of the frames.
        fps_hz: frame rate, for the time of frames that come without one.
        prompt: what the model is given beside the frames.
        batch_frames: frames that may be held back to be predicted at once.
    """

    def __init__(
        self,
        model: "Model[Any]",
        size: tuple[int, int],
        fps_hz: float,
        prompt: Prompt,
        batch_frames: int,
    ) -> None:
        self.model: Any = model
        self.size = size
        self.fps_hz = fps_hz
        self.prompt = prompt
        self.batch_frames = batch_frames
        self._times_s: deque[float] = deque()  # of frames that are not predicted yet
        self._n_pushed = 0
        self._n_predicted = 0
        self._is_closed = False
        self._begin()

    def _begin(self) -> None:  # noqa: B027 - a session may hold nothing more
        """Set up what a kind of session holds besides."""

    def push(self, frame: NDArray[np.uint8], time_s: float | None = None) -> list[Prediction]:
        """Push the next frame.

        Args:
            frame: (H, W).
            time_s: its time; by default its number over the frame rate.

        Returns:
            Predictions that it makes possible, in order; often of an earlier frame.

        Raises:
            UserError: the session is closed, or the frame has another form.
        """
        self._check(frame)
        self._times_s.append(self._n_pushed / self.fps_hz if time_s is None else time_s)
        self._n_pushed += 1
        with self.model.evaluating():
            return self._predictions(self._push(frame))

    def flush(self) -> list[Prediction]:
        """Close the session.

        Returns:
            Predictions of the remaining frames, in order.
        """
        self._is_closed = True
        with self.model.evaluating():
            return self._predictions(self._flush())

    @abstractmethod
    def _push(self, frame: NDArray[np.uint8]) -> Iterable[NDArray[np.float32]]:
        """Maps (H, W) of the next frames that a frame makes possible."""

    @abstractmethod
    def _flush(self) -> Iterable[NDArray[np.float32]]:
        """Maps (H, W) of all remaining frames."""

    def _predictions(self, maps: Iterable[NDArray[np.float32]]) -> list[Prediction]:
        predictions = []
        for each in maps:
            score = self._score(each)
            predictions.append(Prediction(self._n_predicted, self._times_s.popleft(), each, score))
            self._n_predicted += 1
        return predictions

    def _score(self, probabilities: NDArray[np.float32]) -> float:
        """Score of the frame with this map (H, W); called right after the map is made."""
        return top_score(probabilities)

    def _check(self, frame: NDArray[np.uint8]) -> None:
        if self._is_closed:
            raise UserError("This session is closed; begin another one.")
        if frame.dtype != np.uint8 or frame.shape != self.size:
            raise UserError(
                f"Frames of this session are uint8 {self.size}; this one is {frame.dtype} "
                f"{frame.shape}."
            )


def top_score(probabilities: NDArray[np.float32]) -> float:
    """Mean of the highest 0.1 % of the pixels of a map (H, W), at least one."""
    n_top = max(1, round(TOP_FRACTION * probabilities.size))
    return float(np.partition(probabilities, -n_top, axis=None)[-n_top:].mean())
