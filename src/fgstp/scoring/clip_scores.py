"""Scores of a clip, a row for each frame."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from fgstp.core.errors import UserError
from fgstp.footage.packed_masks import first_frame_with_gas
from fgstp.scoring.frames import Frames
from fgstp.scoring.ground_truth import GroundTruth
from fgstp.scoring.metrics import OF_FRAMES, detection, list_metrics, place
from fgstp.scoring.protocols import ScoringProtocol, get_protocol

Masks = NDArray[np.bool_] | NDArray[np.uint8] | Sequence[GroundTruth]
BLOCK_PIXELS = 4_000_000


class ScorableClip(NamedTuple):
    """Arguments of `score_clip` for the annotated frames of a clip."""

    predictions: NDArray[np.uint8]
    masks: Masks
    numbers: NDArray[np.integer[Any]] | None = None
    frame_scores: NDArray[np.floating[Any]] | None = None


def score_clip(
    predictions: NDArray[np.uint8],
    masks: Masks,
    protocol: str | ScoringProtocol = "paper",
    threshold: int | None = None,
    *,
    numbers: ArrayLike | None = None,
    frame_scores: ArrayLike | None = None,
) -> pd.DataFrame:
    """Score the predictions of a clip.

    Args:
        predictions: (T, H, W) uint8, probabilities from 0 to 255 of the annotated frames.
        masks: (T, H, W) bool, uint8 with 0 and 1, or uint8 with 0 and 255; or T `GroundTruth`
            objects, which are several times faster if masks are used again.
        protocol: name of a protocol, or a `ScoringProtocol`.
        threshold: replaces that of the protocol, 0 to 255; `operational` has none.
        numbers: (T,) increasing numbers of the frames in the clip, if not all frames are
            annotated; by default 0 to T - 1.
        frame_scores: (T,) confidence of the model that each frame holds gas; by default the mean
            of the highest 0.1 % of the probabilities.

    Returns:
        A row for each frame that the protocol scores:

        - `frame`: its number in the clip;
        - `s_measure, weighted_f, mae, e_mean, e_adaptive, e_max, iou_mean, dice_mean`:
          `mean` and `max` are over the 256 thresholds;
        - `iou, dice`: at the protocol's threshold; `iou_gas` is the IoU of frames with gas,
          NaN for other frames;
        - `gas`: whether the mask has gas;
        - `frame_score`: confidence that the frame holds gas, for average precision and AUROC;
        - `predicted_fraction`: share of pixels predicted at the protocol's threshold;
        - `false_alarm_fraction, false_alarm`: for frames without gas, share of pixels predicted,
          and 1 if it is an alarm, else 0; NaN for other frames;
        - any other registered metric;
        - `protocol`, and a column for each of its settings.

    Raises:
        UserError: predictions and masks do not match, numbers or frame scores are invalid, no
            frame is left to score, the protocol is unknown, or it has no threshold.

    Example:
        >>> import numpy as np
        >>> from fgstp import score
        >>> masks = np.zeros((1, 4, 4), np.uint8)
        >>> masks[0, 1:3, 1:3] = 1
        >>> score(255 * masks, masks)["iou"].item()
        1.0
    """
    chosen = get_protocol(protocol, threshold)
    rows = pd.concat([_score(*block) for block in blocks(predictions, masks, chosen)])
    places = rows["frame"].to_numpy()
    if frame_scores is not None:
        own = np.asarray(frame_scores, np.float64)
        if own.shape != predictions.shape[:1] or np.isnan(own).any():
            raise UserError(
                f"{len(predictions)} frames need as many frame scores, none of them NaN; check"
                f" frame_scores, which is {own.shape}."
            )
        rows["frame_score"] = own[places]
    if numbers is not None:
        rows["frame"] = _checked(numbers, len(predictions))[places]
    return rows.assign(**chosen.columns).reset_index(drop=True)


def _checked(numbers: ArrayLike, n_frames: int) -> NDArray[np.int64]:
    found = np.asarray(numbers)
    if (
        found.shape != (n_frames,)
        or not np.issubdtype(found.dtype, np.integer)
        or np.any(np.diff(found, prepend=-1) < 1)
    ):
        raise UserError(
            f"{n_frames} frames need as many whole numbers from 0 that rise; check numbers, which"
            f" is {found.shape}, {found.dtype}."
        )
    return found.astype(np.int64)


def _score(places: NDArray[np.intp], frames: Frames) -> pd.DataFrame:
    columns: dict[str, NDArray[Any]] = {
        metric.name: metric.of_frames(frames) for metric in list_metrics(*OF_FRAMES)
    }
    columns |= {
        "gas": frames.gas,
        "frame_score": detection.frame_scores(frames),
        "predicted_fraction": detection.predicted_fraction(frames),
    }
    return pd.DataFrame(
        {"frame": places} | {key: columns[key] for key in sorted(columns, key=place)}
    )


def blocks(
    predictions: NDArray[np.uint8], masks: Masks, protocol: ScoringProtocol
) -> Iterator[tuple[NDArray[np.intp], Frames]]:
    """Yield the frames that a protocol scores in blocks, each with their places in the arrays.

    Raises:
        UserError: predictions and masks do not match, or no frame is left to score.
    """
    _check_clip(predictions, masks)
    counted = _counted_frames(masks, protocol)
    step = max(1, BLOCK_PIXELS // predictions[0].size)
    for start in range(0, len(counted), step):
        places = counted[start : start + step]
        truths = [GroundTruth.from_mask(masks[place]) for place in places]
        yield places, Frames(np.ascontiguousarray(predictions[places]), truths, protocol)


def _check_clip(predictions: NDArray[np.uint8], masks: Masks) -> None:
    if not isinstance(predictions, np.ndarray) or predictions.dtype != np.uint8:
        found = getattr(predictions, "dtype", type(predictions).__name__)
        raise UserError(f"Predictions are uint8 probability maps, 0 to 255, not {found}.")
    if predictions.ndim != 3:
        raise UserError(f"Predictions of a clip are (T, H, W), not {predictions.shape}.")
    if not predictions.size:
        raise UserError(f"The clip is empty: its predictions are {predictions.shape}.")
    shape = _shape(masks)
    if shape != predictions.shape:
        raise UserError(f"The predictions are {predictions.shape} but the masks are {shape}.")


def _shape(masks: Masks) -> tuple[int, ...]:
    """Shape of the masks, which should be (T, H, W)."""
    if isinstance(masks, np.ndarray):
        if masks.dtype not in (np.bool_, np.uint8):
            raise UserError(f"Masks are bool or uint8, not {masks.dtype}.")
        return masks.shape
    if not isinstance(masks, Sequence) or not all(isinstance(each, GroundTruth) for each in masks):
        raise UserError("Masks are an array (T, H, W) or a sequence of GroundTruth objects.")
    sizes = {each.mask.shape for each in masks}
    if len(sizes) > 1:
        raise UserError(f"The masks of a clip have one size, not {sorted(sizes)}.")
    return (len(masks), *(size for shape in sizes for size in shape))


def _counted_frames(masks: Masks, protocol: ScoringProtocol) -> NDArray[np.intp]:
    """Places of the frames that a protocol scores, in order."""
    counted = np.arange(len(masks) - protocol.drop_last_frames)
    if protocol.drop_given:
        given = first_frame_with_gas(
            each.mask if isinstance(each, GroundTruth) else each for each in masks
        )
        counted = counted if given is None else counted[counted != given]
    if not counted.size:
        first = "the first with gas and " if protocol.drop_given else ""
        raise UserError(
            f"The clip has {len(masks)} frames, and the protocol {protocol.name} leaves out "
            f"{first}the last {protocol.drop_last_frames}: there is nothing to score."
        )
    return counted
