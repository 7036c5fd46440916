"""Choice of a threshold on validation clips."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from fgstp.core.errors import UserError
from fgstp.core.progress import ProgressBar
from fgstp.scoring.clip_scores import Masks, ScorableClip, blocks
from fgstp.scoring.ground_truth import N_LEVELS
from fgstp.scoring.metrics.maps import overlap_curves
from fgstp.scoring.protocols import OPERATIONAL, ScoringProtocol, get_protocol

MIDDLE = 128
ReadClip = Callable[[str], ScorableClip]


class ThresholdSearch:
    """Sum of the IoU at all thresholds over clips, which are added one by one.

    An empty frame has an IoU of 1 with an empty prediction, else of 0.

    Args:
        protocol: gives `norm`, `drop_given` and `drop_last_frames`.
    """

    def __init__(self, protocol: str | ScoringProtocol = OPERATIONAL) -> None:
        self._protocol = get_protocol(protocol).model_copy(
            update={"input": "soft", "empty": "credit"}
        )
        self._total = np.zeros(N_LEVELS)
        self._n_frames = 0

    def add(self, predictions: NDArray[np.uint8], masks: Masks) -> None:
        """Add a clip; args are those of `score_clip`."""
        for _, frames in blocks(predictions, masks, self._protocol):
            iou, _ = overlap_curves(frames)
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
    clips: Iterable[tuple[NDArray[np.uint8], Masks]], protocol: str | ScoringProtocol = OPERATIONAL
) -> int:
    """The threshold with the highest mean IoU over the frames of validation clips.

    Args:
        clips: predictions and masks of each clip, as for `score_clip`; read one by one.
        protocol: gives `norm`, `drop_given` and `drop_last_frames`.

    Returns:
        Level from which a pixel is predicted as gas, 0 to 255; of several, the nearest to 128.

    Raises:
        UserError: there is no clip, or a clip is invalid.
    """
    search = ThresholdSearch(protocol)
    for predictions, masks in clips:
        search.add(predictions, masks)
    return search.best()


def with_threshold(
    protocol: ScoringProtocol, validation: Sequence[str], read: ReadClip
) -> ScoringProtocol:
    """The protocol, with a threshold that is chosen on validation clips if it has none.

    Without validation clips it is 128, a probability of a half.

    Args:
        protocol: the protocol.
        validation: ids of the validation clips.
        read: reads a clip by its id.
    """
    if protocol.threshold is not None:
        return protocol
    if not validation:
        return protocol.at(MIDDLE)
    search = ThresholdSearch(protocol)
    for clip in ProgressBar(validation, unit=" clips", desc=f"threshold ({protocol.name})"):
        with named(clip):
            search.add(*read(clip)[:2])
    return protocol.at(search.best())


@contextmanager
def named(clip: str) -> Iterator[None]:
    """Name the clip in a `UserError`."""
    try:
        yield
    except UserError as error:
        raise UserError(f"The clip {clip} cannot be scored: {error}") from error
