"""Duplicate clips within a video: how alike two clips are, and which are dropped."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgstp.footage.descriptors import ClipDescriptor

BLOB_FRACTION = 0.02  # of the grid: a blob smaller than this does not make a clip new


def similarity(first: ClipDescriptor, second: ClipDescriptor, floor_levels: float) -> float:
    """Fraction of what happens in two clips that happens in both, 0 to 1 (the same).

    A weighted Jaccard index (Ruzicka) of the maps of change and motion, where a
    difference of appearance counts as something that only one clip has:
    (sum min + f) / (sum max + sum |difference of appearance| + f). All is counted above
    the floor, and f is a small blob of that strength: two clips in which nothing
    happens are alike.

    Args:
        first: a clip.
        second: another clip; the order does not matter.
        floor_levels: grey levels up to which a cell is taken to be at rest.
    """
    activity_1, activity_2 = _activity(first, floor_levels), _activity(second, floor_levels)
    difference = np.abs(first.appearance - second.appearance)
    blob = BLOB_FRACTION * difference.size * floor_levels
    shared = float(np.minimum(activity_1, activity_2).sum())
    either = float(np.maximum(activity_1, activity_2).sum())
    unlike = float(np.maximum(difference - floor_levels, 0).sum())
    return (shared + blob) / (either + unlike + blob)


def _activity(clip: ClipDescriptor, floor_levels: float) -> NDArray[np.float32]:
    """Change and motion above the floor: (2, h, w) float32."""
    return np.maximum(np.stack([clip.change, clip.motion]) - floor_levels, 0)


@dataclass(frozen=True)
class Match:
    """The kept clip that a clip is most like.

    Attributes:
        index: number of the kept clip in its video.
        similarity: see `similarity`.
    """

    index: int
    similarity: float


class DuplicateFilter:
    """Greedy, in the order of time: a clip is kept unless it is like a kept one.

    Being greedy it needs one pass over a video, and it always keeps the earliest.

    Attributes:
        threshold: similarity from which a clip is a duplicate.
        floor_levels: see `similarity`.
    """

    def __init__(self, threshold: float, floor_levels: float) -> None:
        self.threshold = threshold
        self.floor_levels = floor_levels
        self._kept: dict[int, ClipDescriptor] = {}

    def nearest(self, descriptor: ClipDescriptor) -> Match | None:
        """The most similar clip kept so far, the earliest of equals; None if there is none."""
        matches = (
            Match(index, similarity(kept, descriptor, self.floor_levels))
            for index, kept in self._kept.items()
        )
        return max(matches, key=lambda match: match.similarity, default=None)

    def repeats(self, index: int, descriptor: ClipDescriptor) -> Match | None:
        """The kept clip that the next clip repeats, or None, and then it is kept from now on.

        Args:
            index: number of the clip in its video.
            descriptor: its descriptor.
        """
        match = self.nearest(descriptor)
        if match is not None and match.similarity >= self.threshold:
            return match
        self._kept[index] = descriptor
        return None
