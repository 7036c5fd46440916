"""What a model sees in footage, before anything is concluded from it."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgstp.detection.settings import StateSettings
from fgstp.detection.states import Scene, State
from fgstp.models.session import Prediction, Session

Frame = NDArray[np.uint8]
Numbered = tuple[int, Frame | None, float]  # number of a frame, its levels, its time


class Sight(NamedTuple):
    """A frame with what is seen in it.

    Attributes:
        number: its place in the footage, from 0.
        time_s: its time.
        frame: (H, W) uint8, its grey levels; while there is no signal, the last one.
        state: whether the picture is fit for detection.
        prediction: of the model; None while there is no signal.
    """

    number: int
    time_s: float
    frame: Frame
    state: State
    prediction: Prediction | None


def sights(
    frames: Iterable[Numbered],
    settings: StateSettings,
    begin: Callable[[int, int], Session],
) -> Iterator[Sight]:
    """Judge the picture of each frame, and predict it.

    Args:
        frames: their numbers, levels (H, W) uint8, and times in seconds; levels are None while
            there is no signal, before which all frames are predicted that wait for later ones.
        settings: when a picture is not fit.
        begin: begins a session of a height and width.

    Yields:
        A sight for each frame, in order, from the first one with a picture.
    """
    scene: Scene | None = None
    session: Session | None = None
    waiting: deque[tuple[int, Frame, State]] = deque()  # of frames that are not predicted yet
    frame: Frame | None = None

    def seen(predictions: Iterable[Prediction]) -> Iterator[Sight]:
        for prediction in predictions:
            number, of_it, state = waiting.popleft()
            yield Sight(number, prediction.time_s, of_it, state, prediction)

    for number, levels, time_s in frames:
        if levels is None:
            if session is not None and waiting:
                yield from seen(session.flush())
                session = None
            if frame is not None:
                yield Sight(number, time_s, frame, "no_signal", None)
            continue
        frame = levels
        if session is None:
            session = begin(*frame.shape)
            scene = scene or Scene(frame.shape, settings)
        assert scene is not None
        waiting.append((number, frame, scene.update(frame, time_s)))
        yield from seen(session.push(frame, time_s))
    if session is not None:
        yield from seen(session.flush())
