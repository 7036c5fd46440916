"""Scores and states over time, in constant memory."""

from typing import NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from fgstp.detection.states import State

NAME = "timeline"  # of the pictures of it
N_BUCKETS = 2048  # more than a picture has columns
STATES: tuple[State, ...] = get_args(State)  # from the best to the worst
BUCKET = np.dtype(
    [("begin_s", "f8"), ("end_s", "f8"), ("low", "f4"), ("high", "f4"), ("state", "u1")]
)


class Span(NamedTuple):
    """A stretch of time in one state."""

    state: State
    begin_s: float
    end_s: float


class Timeline:
    """The lowest and the highest score and the worst state of each stretch of time.

    Buckets take 1 frame each at first. Whenever all are full, neighbours are joined, so that each
    takes twice as many frames.

    Args:
        n_buckets: their number, even.
    """

    def __init__(self, n_buckets: int = N_BUCKETS) -> None:
        self._buckets = np.zeros(n_buckets, BUCKET)
        self._frames_each = 1
        self._n_frames = 0

    @property
    def buckets(self) -> NDArray[np.void]:
        """Those that hold frames: `begin_s`, `end_s`, `low` and `high` score, number of `state`."""
        return self._buckets[: -(-self._n_frames // self._frames_each)]

    def take(self, time_s: float, score: float, state: State) -> None:
        """Take the next frame."""
        if self._n_frames == len(self._buckets) * self._frames_each:
            self._join_neighbours()
        place, n_before = divmod(self._n_frames, self._frames_each)
        bucket, number = self._buckets[place], STATES.index(state)
        if not n_before:
            self._buckets[place] = (time_s, time_s, score, score, number)
        else:
            bucket["end_s"] = time_s
            bucket["low"], bucket["high"] = min(bucket["low"], score), max(bucket["high"], score)
            bucket["state"] = max(bucket["state"], number)
        self._n_frames += 1

    def _join_neighbours(self) -> None:
        first, second = self._buckets[0::2].copy(), self._buckets[1::2]
        first["end_s"] = second["end_s"]
        first["low"] = np.minimum(first["low"], second["low"])
        first["high"] = np.maximum(first["high"], second["high"])
        first["state"] = np.maximum(first["state"], second["state"])
        self._buckets[: len(first)] = first
        self._frames_each *= 2

    def spans(self) -> list[Span]:
        """States of the picture, one after the other; each lasts until the next begins."""
        buckets = self.buckets
        if not len(buckets):
            return []
        changes = np.flatnonzero(np.diff(buckets["state"])) + 1
        begins = [0, *changes.tolist()]
        ends_s = [*buckets["begin_s"][changes].tolist(), float(buckets["end_s"][-1])]
        return [
            Span(STATES[buckets["state"][begin]], float(buckets["begin_s"][begin]), end_s)
            for begin, end_s in zip(begins, ends_s, strict=True)
        ]
