"""Scores of a clip, one row a frame."""

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fgstp.scoring.alignment import adaptively_predicted, alignment_curve
from fgstp.scoring.clip_input import Block, Masks, blocks
from fgstp.scoring.detection import false_alarms, frame_scores
from fgstp.scoring.overlap import mean_absolute_error, overlap_curves
from fgstp.scoring.protocols import Protocol, chosen_threshold, get_protocol
from fgstp.scoring.structure import structure_measure
from fgstp.scoring.weighted_f import weighted_f

METRICS = (
    "s_measure",
    "weighted_f",
    "mae",
    "e_mean",
    "e_adaptive",
    "e_max",
    "iou_mean",
    "dice_mean",
    "iou",
    "dice",
)
IOU_GAS = "iou_gas"
PREDICTED_FRACTION = "predicted_fraction"
FALSE_ALARMS = ("false_alarm_fraction", "false_alarm")
Columns = dict[str, NDArray[np.float64] | NDArray[np.bool_] | NDArray[np.intp]]


def score_clip(
    predictions: NDArray[np.uint8],
    masks: Masks,
    protocol: str | Protocol = "paper",
    threshold: int | None = None,
) -> pd.DataFrame:
    """Score the predictions of a clip.

    Args:
        predictions: (T, H, W) uint8, probabilities 0 to 255.
        masks: (T, H, W) bool, or uint8 with 0 and 1, or with 0 and 255; or T `GroundTruth`
            objects, which make it several times as fast when masks are scored against again.
        protocol: its name, or a `Protocol`.
        threshold: replaces the protocol's own, 0 to 255; `operational` has none of its own.

    Returns:
        A row a frame that counts:

        - `frame`: its number in the clip;
        - `s_measure, weighted_f, mae, e_mean, e_adaptive, e_max, iou_mean, dice_mean`:
          `mean` and `max` are over the 256 thresholds;
        - `iou, dice`: at the protocol's threshold; `iou_gas` is the IoU of frames with gas,
          NaN on the others;
        - `gas`: whether the mask holds any;
        - `frame_score`: how surely the frame holds gas, for average precision and AUROC;
        - `predicted_fraction`: share of pixels predicted, at the protocol's threshold: where a
          model finds nothing or everything it is 0 or 1;
        - `false_alarm_fraction, false_alarm`: on frames without gas, share of pixels
          predicted, and 1 where they are enough for an alarm; NaN on the others;
        - `protocol`, `protocol_tuple`: what the scores hold under.

    Raises:
        UserError: predictions and masks are no clip, no frame counts, the protocol is
            unknown, or its threshold has not been chosen.

    Example:
        >>> import numpy as np
        >>> from fgstp import score
        >>> masks = np.zeros((1, 4, 4), np.uint8)
        >>> masks[0, 1:3, 1:3] = 1
        >>> score(255 * masks, masks)["iou"].item()
        1.0
    """
    chosen = get_protocol(protocol, threshold)
    chosen_threshold(chosen)
    scored = [_score(block, chosen) for block in blocks(predictions, masks, chosen)]
    columns = {name: np.concatenate([each[name] for each in scored]) for name in scored[0]}
    return pd.DataFrame(columns).assign(protocol=chosen.name, protocol_tuple=chosen.tuple)


def _score(block: Block, protocol: Protocol) -> Columns:
    tally, threshold = block.tally, chosen_threshold(protocol)
    credit_empty = protocol.empty == "credit"
    adaptive = adaptively_predicted(tally, block.frames)
    alignment = alignment_curve(
        tally, np.concatenate([tally.predicted, adaptive[..., None]], axis=2)
    )
    iou, dice = overlap_curves(tally, credit_empty=credit_empty)
    values = (
        structure_measure(tally, block.frames, block.truths),
        _weighted_f(block),
        mean_absolute_error(tally),
        alignment[:, :-1].mean(axis=1),
        alignment[:, -1],
        alignment[:, :-1].max(axis=1),
        iou.mean(axis=1),
        dice.mean(axis=1),
        iou[:, threshold],
        dice[:, threshold],
    )
    columns: Columns = {"frame": block.numbers, **dict(zip(METRICS, values, strict=True))}
    gas = tally.n_foreground > 0
    unscored = {"skip": METRICS, "credit": ("weighted_f",), "score": ()}[protocol.empty]
    for name in unscored:
        columns[name] = np.where(gas, columns[name], np.nan)
    columns[IOU_GAS] = np.where(gas, iou[:, threshold], np.nan)
    columns |= {
        "gas": gas,
        "frame_score": frame_scores(tally, protocol.score_fraction),
        PREDICTED_FRACTION: tally.predicted[..., threshold].sum(axis=1) / tally.n_pixels,
    }
    alarms = false_alarms(tally, threshold, protocol.alarm_pixels)
    return columns | dict(zip(FALSE_ALARMS, alarms, strict=True))


def _weighted_f(block: Block) -> NDArray[np.float64]:
    scores = [
        weighted_f(np.asarray(cv2.LUT(frame, table), np.float64), truth)
        for frame, table, truth in zip(block.frames, block.probabilities, block.truths, strict=True)
    ]
    return np.array(scores)
