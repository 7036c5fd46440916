"""The long-term bank: few frames, and a rule for which of them leaves."""

import math
from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

import torch
from torch import Tensor

EntryT = TypeVar("EntryT")
SMOOTHING = 0.2  # share of the relevance before in the present one
FRESHNESS = 1.5
PATIENCE_UPDATES = 8


class Eviction(NamedTuple):
    """A frame that left.

    Attributes:
        frame: its number.
        scores: scores of the frames that were in the bank before, by their numbers.
    """

    frame: int
    scores: dict[int, float]


class RestrictedBank(Generic[EntryT]):
    """A reference frame and a few others; the one of least use makes place for a new one.

    The rule is of the kind of UCB1: a frame stays if it is relevant, or if it is new and
    little is known of it yet. When frame t is appended to m old frames, with r_k the share of
    attention that frame t gave to frame k,

        R_k = 0.2 R_k + 0.8 r_k    (r_k if it has none yet),    n_k = n_k + 1
        score_k = R_k + 1.5 sqrt(ln(sum of n over the old frames) / (n_k + 8))

    where n of the reference counts as m. If there are too many frames now, the old one with the
    smallest score leaves; the reference and the new frame stay.

    Args:
        reference: what is kept of frame 0.
        n_frames: frames beside the reference at most.
        always_score: update R and n whenever a frame is appended (DeAOT-L), or only when one
            has to leave (AOT-L).

    Attributes:
        frames: numbers of the frames, oldest first.
        entries: what is kept of them, in the same order.
    """

    def __init__(self, reference: EntryT, n_frames: int, *, always_score: bool) -> None:
        self.frames = [0]
        self.entries = [reference]
        self._n_frames = n_frames
        self._always_score = always_score
        self._relevance: dict[int, float] = {}
        self._updates: dict[int, int] = {}

    @property
    def full(self) -> bool:
        """Whether a frame leaves when the next one is appended."""
        return len(self.frames) > self._n_frames

    @property
    def needs_relevance(self) -> bool:
        """Whether the next frame must come with the relevance of those in the bank."""
        return self._always_score or self.full

    def append(self, frame: int, entry: EntryT, relevance: Sequence[float] = ()) -> Eviction | None:
        """Keep a frame.

        Args:
            frame: its number.
            entry: what is kept of it.
            relevance: r of each frame in the bank, in its order, if `needs_relevance`.

        Returns:
            The frame that left, if one did.
        """
        leaves, scores = self.full, {}
        if self.needs_relevance:
            scores = self._scores(frame, dict(zip(self.frames, relevance, strict=True)))
        self.frames.append(frame)
        self.entries.append(entry)
        if not leaves:
            return None
        evicted = min(self.frames[1:-1], key=scores.__getitem__)
        place = self.frames.index(evicted)
        del self.frames[place], self.entries[place]
        return Eviction(evicted, scores)

    def _scores(self, new_frame: int, relevance: dict[int, float]) -> dict[int, float]:
        before = self._relevance
        self._relevance = {
            frame: SMOOTHING * before.get(frame, r) + (1.0 - SMOOTHING) * r
            for frame, r in relevance.items()
        }
        self._updates = {
            frame: self._updates.get(frame, 0) + 1 for frame in [*self.frames, new_frame]
        }
        counts = {frame: self._updates[frame] for frame in self.frames}
        counts[self.frames[0]] = len(self.frames)
        total = math.log(sum(counts.values()))
        return {
            frame: self._relevance[frame]
            + FRESHNESS * math.sqrt(total / (counts[frame] + PATIENCE_UPDATES))
            for frame in self.frames
        }


def frame_relevance(weights: Tensor, foreground: Tensor) -> list[float]:
    """Fraction of the attention of a frame's object that each remembered frame gets.

    Args:
        weights: (N, T N): attention of N tokens to those of T frames.
        foreground: (N,): probability that a token is of the object.

    Returns:
        T values that sum to 1; all 0 if nothing at all is of the object.
    """
    of_frames = weights.float().view(len(weights), -1, len(weights)).sum(2)
    mass = foreground.float() @ of_frames
    shares: list[float] = (mass / mass.sum().clamp_min(torch.finfo(mass.dtype).tiny)).tolist()
    return shares
