"""What a detector knows of a frame, and who takes it."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgstp.detection.events import Change, Event
from fgstp.detection.regions import Mask
from fgstp.detection.states import State


class Result(NamedTuple):
    """What is known of a frame.

    Attributes:
        number: its place in the footage, from 0, which counts frames that cannot be decoded.
        time_s: its time.
        frame: (H, W) uint8, its grey levels; of a stream without a signal the last one.
        map: (H, W) float32 in [0, 1], probability of gas.
        score: confidence that the frame holds gas, of the model.
        state: whether the picture is fit for detection.
        region: (H, W) bool, the pixels that count as gas.
        events: the events that go on.
        changes: events that have begun, grown or ended in this frame.
        evidence: the highest evidence of a place, in logit seconds.
    """

    number: int
    time_s: float
    frame: NDArray[np.uint8]
    map: NDArray[np.float32]
    score: float
    state: State
    region: Mask
    events: list[Event]
    changes: list[Change]
    evidence: float


Writer = Callable[[Result], None]
