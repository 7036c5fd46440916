"""Sessions: frames of one video are pushed in, predictions come out."""

import operator
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgstp.core.errors import UserError
from fgstp.footage.packed_masks import first_frame_with_gas

if TYPE_CHECKING:
    from fgstp.models.predictor import VideoPredictor

PromptKind = Literal["none", "first_mask", "all_masks"]
TOP_FRACTION = 0.001  # of the pixels, in the default score of a frame


class Prompt(NamedTuple):
    """Input of a session besides the frames.

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


NO_PROMPT = Prompt()


def prompt_of(
    kind: PromptKind,
    masks: NDArray[np.uint8],
    annotated: NDArray[np.int64] | None = None,
    n_frames: int | None = None,
) -> Prompt:
    """Prompt of a kind, made of known masks.

    Args:
        kind: the kind.
        masks: (A, H, W) uint8, 0/1: gas in the annotated frames.
        annotated: (A,), rising numbers of these frames in the session; None: 0 to A - 1.
        n_frames: number of frames of the session; None: A.

    Returns:
        For `first_mask` the mask of the first frame with gas, or the first mask if all are free
        of gas; for `all_masks` all masks, without gas in frames that are not annotated.
    """
    numbers = np.arange(len(masks)) if annotated is None else annotated
    if kind == "none":
        return NO_PROMPT
    if kind == "all_masks":
        every = np.zeros((n_frames or len(masks), *masks.shape[1:]), np.uint8)
        every[numbers] = masks
        return Prompt(masks=every, n_frames=n_frames)
    first = first_frame_with_gas(masks) or 0
    return Prompt(np.array(masks[first]), int(numbers[first]), n_frames=n_frames)


def checked(prompt: Prompt, kind: PromptKind, size: tuple[int, int], name: str) -> Prompt:
    """The prompt of a session, `first_frame` as an int.

    Args:
        prompt: the prompt as given.
        kind: the kind that the model needs.
        size: height and width of the frames.
        name: name of the model, for messages.

    Raises:
        UserError: a mask is missing, or does not fit the frames.
    """
    if kind == "first_mask" and prompt.first_mask is None:
        raise UserError(
            f"{name} is given the mask of one frame; pass it as first_mask of the prompt, and "
            "the number of the frame as first_frame."
        )
    if kind == "all_masks" and prompt.masks is None:
        raise UserError(f"{name} is an oracle by its settings; pass it the masks in the prompt.")
    if prompt.first_mask is not None and np.shape(prompt.first_mask) != size:
        raise UserError(
            f"The first mask must have the frames' size {size}; it has "
            f"{np.shape(prompt.first_mask)}."
        )
    n_frames = prompt.n_frames
    if prompt.masks is not None:
        n_masks = n_frames or len(prompt.masks)
        if np.shape(prompt.masks) != (n_masks, *size):
            raise UserError(
                f"The masks must have the frames' shape {(n_masks, *size)}; they have "
                f"{np.shape(prompt.masks)}."
            )
    try:
        first_frame = operator.index(prompt.first_frame)  # numpy and torch count with others
    except TypeError as error:
        raise UserError(
            f"first_frame is {prompt.first_frame!r}; give the number of a frame, a whole number "
            "from 0."
        ) from error
    if first_frame < 0 or (n_frames is not None and first_frame >= n_frames):
        raise UserError(f"first_frame is {first_frame}; there are {n_frames or 'no such'} frames.")
    return prompt._replace(first_frame=first_frame)


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
    """Prediction of one video, frame by frame; it holds all state.

    Args:
        model: the model; it is used in evaluation mode.
        size: height and width of the frames.
        fps_hz: frame rate, for the time of frames that come without one.
        prompt: input besides the frames.
        batch_frames: maximum number of frames that are predicted at once.
    """

    def __init__(
        self,
        model: "VideoPredictor",
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
        self._is_wanted: deque[bool] = deque()  # of the same frames
        self._n_pushed = 0
        self._n_predicted = 0
        self._is_closed = False
        self._begin()

    def _begin(self) -> None:  # noqa: B027 - a session may hold nothing more
        """Set up the further state of a kind of session."""

    def push(
        self, frame: NDArray[np.uint8], time_s: float | None = None, *, is_wanted: bool = True
    ) -> list[Prediction]:
        """Push the next frame.

        Args:
            frame: (H, W) uint8.
            time_s: its time; by default its number over the frame rate.
            is_wanted: whether it is to be predicted; if not, it is context alone.

        Returns:
            Predictions that it makes possible, in order; often of an earlier frame.

        Raises:
            UserError: the session is closed, or the frame has another size or type.
        """
        if self._is_closed:
            raise UserError("This session is closed; begin another one.")
        if frame.dtype != np.uint8 or frame.shape != self.size:
            raise UserError(
                f"Frames of this session are uint8 {self.size}; this one is {frame.dtype} "
                f"{frame.shape}."
            )
        self._times_s.append(self._n_pushed / self.fps_hz if time_s is None else time_s)
        self._is_wanted.append(is_wanted)
        self._n_pushed += 1
        with self.model.evaluating():
            return self._predictions(self._push(frame) if is_wanted else self._skip(frame))

    def flush(self) -> list[Prediction]:
        """Close the session: predictions of the remaining frames, in order."""
        self._is_closed = True
        with self.model.evaluating():
            return self._predictions(self._flush())

    @abstractmethod
    def _push(self, frame: NDArray[np.uint8]) -> Iterable[NDArray[np.float32] | None]:
        """Maps (H, W) of the next frames that a frame makes possible; None if it is not wanted."""

    def _skip(self, frame: NDArray[np.uint8]) -> Iterable[NDArray[np.float32] | None]:
        """As `_push`, for a frame that is not wanted, which can save work."""
        return self._push(frame)

    def _flush(self) -> Iterable[NDArray[np.float32] | None]:
        """Maps (H, W) of all remaining frames; by default there are none."""
        return ()

    def _predictions(self, maps: Iterable[NDArray[np.float32] | None]) -> list[Prediction]:
        predictions = []
        for each in maps:
            time_s = self._times_s.popleft()
            if self._is_wanted.popleft() and each is not None:
                score = self._score(each)
                predictions.append(Prediction(self._n_predicted, time_s, each, score))
            self._n_predicted += 1
        return predictions

    def _score(self, probabilities: NDArray[np.float32]) -> float:
        """Score of the frame with this map (H, W); called right after the map is made."""
        return top_score(probabilities)


def top_score(probabilities: NDArray[np.float32]) -> float:
    """Mean of the highest 0.1 % of the pixels of a map (H, W), at least one."""
    n_top = max(1, round(TOP_FRACTION * probabilities.size))
    return float(np.partition(probabilities, -n_top, axis=None)[-n_top:].mean())
