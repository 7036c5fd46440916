"""Choosing a threshold on validation clips."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from fgstp.core.errors import UserError
from fgstp.scoring.clip_input import Masks, blocks
from fgstp.scoring.grey_levels import N_LEVELS
from fgstp.scoring.overlap import overlap_curves
from fgstp.scoring.protocols import OPERATIONAL, Protocol, get_protocol

MIDDLE = 128


class ThresholdSearch:
    """Sums up the IoU at all thresholds, clip by clip; keeps 256 numbers and no frames.

    Empty frames count as they should: with an empty prediction 1, with any other 0.

    Args:
        protocol: its `norm`, `drop_given` and `drop_last` hold; maps are taken as soft.
    """

    def __init__(self, protocol: str | Protocol = OPERATIONAL) -> None:
        self._protocol = get_protocol(protocol).model_copy(update={"input": "soft"})
        self._total = np.zeros(N_LEVELS)
        self._n_frames = 0

    def add(self, predictions: NDArray[np.uint8], masks: Masks) -> None:
        """Add a clip.

        Args:
            predictions: (T, H, W) uint8, probabilities 0 to 255.
            masks: (T, H, W) bool or uint8, or T ground truths.

        Raises:
            UserError: they are no clip.
        """
        for block in blocks(predictions, masks, self._protocol):
            iou, _ = overlap_curves(block.tally, credit_empty=True)
            self._total += iou.sum(axis=0)
            self._n_frames += len(iou)

    @property
    def mean_iou(self) -> NDArray[np.float64]:
        """(256,): mean IoU over all frames at the thresholds 0 to 255.

        Raises:
            UserError: no clip has been added.
        """
        if not self._n_frames:
            raise UserError("There is no validation clip to choose a threshold on.")
        return self._total / self._n_frames

    def best(self) -> int:
        """The threshold with the highest mean IoU; of several, the nearest to 128."""
        curve = self.mean_iou
        best = np.flatnonzero(curve >= curve.max() - 1e-12)
        return int(best[np.argmin(np.abs(best - MIDDLE))])


def choose_threshold(
    clips: Iterable[tuple[NDArray[np.uint8], Masks]], protocol: str | Protocol = OPERATIONAL
) -> int:
    """The threshold with the highest mean IoU over the frames of validation clips.

    Args:
        clips: predictions and masks of each clip, as `score_clip` takes them; they are read
            one after the other.
        protocol: its `norm`, `drop_given` and `drop_last` hold.

    Returns:
        Level from which a pixel is predicted as gas, 0 to 255.

    Raises:
        UserError: there is no clip, or one is no clip.
    """
    search = ThresholdSearch(protocol)
    for predictions, masks in clips:
        search.add(predictions, masks)
    return search.best()
