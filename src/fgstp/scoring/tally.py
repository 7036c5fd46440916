"""The tally of some frames: the counts that all metrics but the weighted F follow from."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fgstp.scoring.grey_levels import N_LEVELS, GreyLevels

Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Tally:
    """Pixels of T frames of one size, counted.

    Attributes:
        counts: (T, 4, 2, 256) int64, pixels by block, mask and grey level.
        probability: (T, 256) float64, what each level stands for.
        level: (T, 256) uint8, what thresholds are held against.
    """

    counts: Counts
    probability: NDArray[np.float64]
    level: NDArray[np.uint8]

    @classmethod
    def of(cls, counts: Sequence[Counts], levels: Sequence[GreyLevels]) -> "Tally":
        """Put the counts and the levels of frames together."""
        return cls(
            np.stack(counts),
            np.stack([each.probability for each in levels]),
            np.stack([each.level for each in levels]),
        )

    @cached_property
    def by_mask(self) -> Counts:
        """(T, 2, 256): by mask and grey level."""
        return self.counts.sum(axis=1)

    @cached_property
    def n_pixels(self) -> int:
        """Pixels of a frame."""
        return int(self.counts[0].sum())

    @cached_property
    def n_foreground(self) -> Counts:
        """(T,): foreground pixels of each mask."""
        return self.by_mask[:, 1].sum(axis=1)

    @cached_property
    def mean_probability(self) -> NDArray[np.float64]:
        """(T,): mean of each prediction."""
        total = np.einsum("tgl,tl->t", self.by_mask, self.probability)
        return np.asarray(total / self.n_pixels)

    @cached_property
    def predicted(self) -> Counts:
        """(T, 2, 256): pixels with `level >= threshold`, by mask and threshold 0 to 255.

        Index 1 of the middle axis are true positives, index 0 false positives.
        """
        n_frames = len(self.counts)
        rows = np.arange(2 * n_frames).reshape(n_frames, 2, 1)
        places = rows * N_LEVELS + self.level[:, None, :]
        flat = np.bincount(
            places.ravel(), weights=self.by_mask.ravel(), minlength=2 * n_frames * N_LEVELS
        )
        by_level = flat.reshape(n_frames, 2, N_LEVELS).astype(np.int64)
        return by_level[..., ::-1].cumsum(axis=-1)[..., ::-1]
