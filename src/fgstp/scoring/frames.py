"""Frames to score: predictions, masks, and the pixel counts that most metrics follow from."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from fgstp.core.errors import UserError
from fgstp.scoring.ground_truth import N_LEVELS, GroundTruth
from fgstp.scoring.protocols import Norm, ScoringProtocol

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Frames:
    """T frames of one size, the input of metrics.

    Attributes:
        predictions: (T, H, W) uint8, as predicted.
        truths: ground truth of each frame.
        protocol: protocol of the scores.
    """

    predictions: NDArray[np.uint8]
    truths: Sequence[GroundTruth]
    protocol: ScoringProtocol

    @property
    def threshold(self) -> int:
        """Level from which a pixel is predicted; a `UserError` if the protocol has none."""
        if self.protocol.threshold is None:
            raise UserError(
                f"The protocol {self.protocol.name} takes its threshold from validation clips: "
                "choose it with fgstp.scoring.choose_threshold and pass it as threshold=..."
            )
        return self.protocol.threshold

    @cached_property
    def n_pixels(self) -> int:
        """Pixels of a frame."""
        return self.predictions[0].size

    @cached_property
    def counts(self) -> Counts:
        """(T, 4, 2, 256): pixels by block of the ground truth, mask and grey level."""
        pairs = zip(self.truths, self.predictions, strict=True)
        return np.stack([truth.count(prediction) for truth, prediction in pairs])

    @cached_property
    def by_mask(self) -> Counts:
        """(T, 2, 256): pixels by mask and grey level."""
        return self.counts.sum(axis=1)

    @cached_property
    def n_foreground(self) -> Counts:
        """(T,): foreground pixels of each mask."""
        return self.by_mask[:, 1].sum(axis=1)

    @property
    def gas(self) -> NDArray[np.bool_]:
        """(T,): whether each mask has gas."""
        return self.n_foreground > 0

    @cached_property
    def probability(self) -> Floats:
        """(T, 256), 0 to 1: probability of each grey level of each frame."""
        return np.stack([probability for probability, _ in self._levels])

    @cached_property
    def level(self) -> NDArray[np.uint8]:
        """(T, 256): level that is compared with thresholds (`level >= threshold`)."""
        return np.stack([level for _, level in self._levels])

    @cached_property
    def _levels(self) -> list[tuple[Floats, NDArray[np.uint8]]]:
        binary_at = self.threshold if self.protocol.input == "binary" else None
        return [
            grey_levels(int(each.min()), int(each.max()), self.protocol.norm, binary_at)
            for each in self.predictions
        ]

    @cached_property
    def mean_probability(self) -> Floats:
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


@lru_cache(maxsize=4096)
def grey_levels(
    low: int, high: int, norm: Norm, binary_at: int | None = None
) -> tuple[Floats, NDArray[np.uint8]]:
    """Probabilities and levels of the 256 grey levels of a frame with these extremes.

    The order of operations is that of PySODMetrics: divide by 255, subtract the minimum, divide by
    the range, truncate to 8 bits. Rounding errors decide which pixels reach a threshold, so another
    order would change the curves. Levels from `binary_at` then become 255, others 0.

    Returns:
        Probability, (256,) float64 in [0, 1], and level, (256,) uint8.
    """
    probability = np.arange(N_LEVELS) / 255
    level = np.arange(N_LEVELS, dtype=np.uint8)
    if norm == "minmax":
        if low != high:
            span = probability[high] - probability[low]
            probability = np.clip((probability - probability[low]) / span, 0, 1)
        level = (probability * 255).astype(np.uint8)
    if binary_at is not None:
        level = np.where(level >= binary_at, 255, 0).astype(np.uint8)
        probability = level / 255
    probability.flags.writeable = level.flags.writeable = False
    return probability, level
