"""Results of a model: scores of all clips, with facts, and their summary."""

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import pandas as pd
from joblib import delayed
from numpy.typing import NDArray
from pydantic import BaseModel

from fgstp.core.parallel import ParallelSettings, in_parallel
from fgstp.core.progress import ProgressBar
from fgstp.scoring.clip_scores import ScorableClip, score_clip
from fgstp.scoring.ground_truth import GroundTruth
from fgstp.scoring.protocols import ScoringProtocol
from fgstp.scoring.summary import ALL, SEED
from fgstp.scoring.thresholds import ReadClip, named

FACTS = ("video", "category", "distance_m", "background", "mask_source", "void_fraction")
# First columns of scores of frames.
FRAME_COLUMNS = ("model", *FACTS, "leak_class", SEED, "clip", "frame", "protocol")
GROUPS = (None, "video", "category", "leak_class")  # of summaries
FOOTAGE = {  # names of the sources of ingest, for people
    "synthetic": "synthetic plumes",
    "gasvid": "GasVid",
    "annotated": "GasVid",
    "folder": "own footage",
    "leak_free": "leak-free footage",
    "composite": "plumes in leak-free footage",
}
COUNTS = ("n_videos", "n_clips", "n_frames")
DIGITS = 6
KEY_DIGITS = 3
KEY_SCORES = {  # short names, so that `dvc metrics show` fits a terminal
    "paper": {
        **{"S": "s_measure", "wF": "weighted_f", "MAE": "mae"},
        **{"E": "e_mean", "IoU": "iou_mean", "Dice": "dice_mean"},
    },
    "operational": {"op_IoU": "iou", "AUROC": "auroc", "alarms": "false_alarm"},
}
KEY_DETECTION = {  # of footage without masks
    **{"leak_AUROC": "leak_auroc", "found": "found_fraction", "delay_s": "time_to_detection_s"},
    "FA_per_h": "false_alarms_per_hour",
}
KEY_EVENTS = {  # of footage with a leak schedule
    **{"ev_recall": "event_recall", "ev_delay_s": "detection_time_s"},
    **{"ev_FA_h": "false_alarms_per_hour", "ev_area": "error_curve_area"},
}


def score_clips(
    clips: Sequence[str],
    protocols: Sequence[ScoringProtocol],
    read: ReadClip,
    parallel: ParallelSettings,
) -> pd.DataFrame:
    """Score clips.

    Args:
        clips: ids of the clips.
        protocols: the protocols, each with a threshold.
        read: reads a clip by its id; can be pickled.
        parallel: how clips are scored in parallel.

    Returns:
        Results of `score_clip` for each clip and protocol, with a column `clip` in front, sorted
        by clip, protocol and frame.

    Raises:
        UserError: a clip cannot be scored, or no cluster can be joined.
    """
    work = [delayed(_score)(clip, tuple(protocols), read) for clip in clips]
    with ProgressBar(total=len(clips), unit=" clips", desc="scoring") as bar:
        return pd.concat(in_parallel(work, parallel, bar), ignore_index=True)


def _score(clip: str, protocols: Sequence[ScoringProtocol], read: ReadClip) -> pd.DataFrame:
    """Work of one worker."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # clips are scored in parallel
    try:
        with named(clip):
            found = ScorableClip(*read(clip))
            truths = [GroundTruth.from_mask(mask) for mask in np.asarray(found.masks)]
            parts = [
                score_clip(
                    found.predictions,
                    truths,
                    protocol,
                    numbers=found.numbers,
                    frame_scores=found.frame_scores,
                )
                for protocol in protocols
            ]
    finally:
        cv2.setNumThreads(threads)
    rows = pd.concat(parts, ignore_index=True)
    rows.insert(0, "clip", clip)
    return rows


def with_facts(
    rows: pd.DataFrame,
    clips: pd.DataFrame,
    videos: pd.DataFrame,
    leak_classes: Mapping[str, NDArray[np.int8] | None],
    model: str,
) -> pd.DataFrame:
    """Add facts about clip and video to the scores of frames.

    Args:
        rows: scores, see `score_clips`.
        clips: the clip table.
        videos: the video table.
        leak_classes: by clip: leak class of each frame, (T,) int8; None if unknown.
        model: name of the scored model.

    Returns:
        The rows with `model`, the columns of `FACTS`, and `leak_class` in front.
    """
    facts = clips.merge(videos, on="video", suffixes=("", "_of_video")).set_index("clip")
    facts = facts.reindex(rows["clip"])
    leak_class = pd.Series(pd.NA, index=rows.index, dtype="Int64")
    for clip, frames in rows.groupby("clip")["frame"]:
        known = leak_classes[str(clip)]
        if known is not None:
            leak_class[frames.index] = known[frames.to_numpy()]
    beside = {name: facts[name].to_numpy() for name in FACTS}
    front = pd.DataFrame({"model": model, **beside, "leak_class": leak_class}, index=rows.index)
    return front.join(rows)


class ScoredTraining(BaseModel):
    """A training whose checkpoint was scored."""

    number: int
    checkpoint_sha256: str


class ModelScores(BaseModel):
    """Part of the scores of a model that reports rely on; see `model_scores`."""

    model: str
    footage: str
    mask_sources: list[str]
    n_test_clips: int
    trainings: list[ScoredTraining]
    protocols: dict[str, dict[str, Any]]
    detection: dict[str, Any]


def model_scores(
    summaries: pd.DataFrame,
    frame_scores: pd.DataFrame,
    detection: Mapping[str, Any],
    made_of: Mapping[str, Any],
    source: str,
) -> dict[str, Any]:
    """The scores of a model over all videos, and what was scored.

    Args:
        summaries: summaries of the model by all of `GROUPS`; empty without masks.
        frame_scores: frame scores of the model, see `with_facts`; empty without masks.
        detection: what the leak schedule tells; see `fgstp.scoring.timelines.detection_scores`.
        made_of: `model`, `prompt`, `trainings`, and digests of checkpoints and footage.
        source: source of ingest.

    Returns:
        Plain values: `made_of`, `footage`, `mask_sources`, `void_fraction`, counts of what has
        masks, `detection`, and by protocol: `settings`, `threshold`,
        `degenerate_fraction` (share of frames on which no or every pixel is predicted), and all
        metrics, None where undefined. For several trainings, metrics are means, the threshold is
        that of the first, and a protocol also has the `thresholds` of all trainings and `spread`,
        the standard deviation by metric.
    """
    overall = summaries[summaries["by"] == ALL]
    clips = frame_scores.drop_duplicates("clip")
    of_frames = frame_scores.groupby("protocol")
    protocols = {
        str(name): _of_protocol(rows, of_frames.get_group(name))
        for name, rows in overall.groupby("protocol")
    }
    n_void = clips["void_fraction"].fillna(0).sum()
    return {
        **made_of,
        "footage": ", ".join(FOOTAGE.get(each, each) for each in source.split("+")),
        "mask_sources": sorted(clips["mask_source"].unique()),
        "void_fraction": round(float(n_void) / max(1, len(clips)), DIGITS),
        "n_seeds": len(made_of["trainings"]),
        **{name: int(overall[name].max()) if len(overall) else 0 for name in COUNTS},
        "protocols": protocols,
        "detection": dict(detection),
    }


def _of_protocol(rows: pd.DataFrame, frames: pd.DataFrame) -> dict[str, Any]:
    protocol = ScoringProtocol.of_row(rows.iloc[0])
    scores: dict[str, Any] = {
        "settings": protocol.settings,
        "threshold": protocol.threshold,
        "degenerate_fraction": round(
            float(frames["predicted_fraction"].isin([0, 1]).mean()), DIGITS
        ),
        **_rounded(rows, "value"),
    }
    if rows["n_seeds"].iloc[0] > 1:
        scores["thresholds"] = frames.groupby(SEED, sort=False)["threshold"].first().tolist()
        scores["spread"] = _rounded(rows, "spread")
    return scores


def _rounded(rows: pd.DataFrame, column: str) -> dict[str, float | None]:
    """A column by metric, without NaN for JSON."""
    return {
        metric: None if np.isnan(value) else round(float(value), DIGITS)
        for metric, value in zip(rows["metric"], rows[column], strict=True)
    }


def key_scores(scores: Mapping[str, Any]) -> dict[str, float]:
    """The six scores of the paper, and what an operator asks: IoU, AUROC, frames of false alarm.

    Without masks, what the leak schedule tells takes their place. Where it is known, alarms follow.

    Args:
        scores: see `model_scores`.

    Returns:
        Rounded values by a short name; without those of protocols that were not scored.
    """
    protocols = scores["protocols"]
    chosen = [(protocols.get(name, {}), names) for name, names in KEY_SCORES.items()]
    if not protocols:
        chosen = [(scores["detection"], KEY_DETECTION)]
    chosen.append((scores["detection"].get("events", {}), KEY_EVENTS))
    return {
        short: round(own[name], KEY_DIGITS)
        for own, names in chosen
        for short, name in names.items()
        if own.get(name) is not None
    }
