"""The node of evaluate that follows test videos over time: frame scores, alarms and leaks."""

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from joblib import delayed
from numpy.typing import NDArray

from fgstp.core.parallel import ParallelSettings, in_parallel
from fgstp.core.progress import ProgressBar
from fgstp.detection.event_files import COLUMNS, row
from fgstp.detection.replay import Replay, replay
from fgstp.detection.settings import DetectionSettings
from fgstp.footage.clip_table import ClipRow, by_video, kept_clips
from fgstp.footage.video_store import VideoStore
from fgstp.inference.prediction_store import PredictionStore
from fgstp.inference.trainings import read_predicted
from fgstp.models.training_records import seed_folder
from fgstp.pipelines.tracking import log_numbers
from fgstp.scoring.event_scores import event_scores
from fgstp.scoring.protocols import EvaluateSettings
from fgstp.scoring.summary import SEED
from fgstp.scoring.timelines import detection_scores, joined, timeline

SETTINGS = DetectionSettings()
TEXTS = ("model", "video", "id")
OF_FILES = {"source", "fingerprint", "start_utc", "alarm_utc", "end_utc"}  # columns of `detect`
EVENT_COLUMNS = {
    **dict.fromkeys(TEXTS, "str"),
    SEED: "Int64",
    **{name: "float64" for name in COLUMNS if name not in {*TEXTS, *OF_FILES}},
}


def trace_frames(
    predictions: Path,
    clips: pd.DataFrame,
    videos: pd.DataFrame,
    video_store: VideoStore,
    name: str,
    evaluate: EvaluateSettings,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Follow all predicted test clips over time, as a detector does, beside their leak classes.

    Returns:
        A row for each training and alarm; a row for each training and frame, see
        `fgstp.scoring.timelines`; and what the leak schedule tells of both, empty without one, see
        `detection_scores`, and beneath `events` see `event_scores`.

    Raises:
        UserError: predictions are missing.
    """
    predicted = read_predicted(predictions / name)
    rows = _predicted_clips(
        kept_clips(clips, video_store, "test"),
        predicted["prompt"],
        allow_pseudo_masks=evaluate.allow_pseudo_masks,
    )
    frames: list[pd.DataFrame] = []
    alarms: list[dict[str, Any]] = []
    for training in predicted["trainings"]:
        store = PredictionStore(seed_folder(predictions / name, training["number"]))
        scores = {clip.name: store.read(clip).scores for clip in rows}
        replays = _replays(rows, video_store, store, evaluate.parallel)
        own = timeline(rows, video_store, videos, scores, _evidence(rows, replays))
        frames.append(own.assign(seed=training["seed"], threshold=training["frame_threshold"]))
        facts = {"model": name, "threshold": SETTINGS.threshold, SEED: training["seed"]}
        alarms += [
            row(event, {"source": video, **facts}) | {"video": video}
            for video, found in replays.items()
            for event in found.events
        ]
    timelines = joined(frames, name)
    events = pd.DataFrame(alarms, columns=list(EVENT_COLUMNS)).astype(EVENT_COLUMNS)
    detection = detection_scores(timelines)
    if detection:
        resampled = {"n_resamples": evaluate.n_resamples, "seed": seed}
        detection["events"] = event_scores(timelines, events, **resampled)
    log_numbers({"detection": detection})
    return events, timelines, detection


def _predicted_clips(
    clips: Sequence[ClipRow], prompt: str, *, allow_pseudo_masks: bool
) -> list[ClipRow]:
    """The clips that a model predicts; masks that may not be scored against are none."""
    masked = [clip for clip in clips if clip.has_masks(allow_pseudo_masks=allow_pseudo_masks)]
    if prompt != "none":
        return masked
    return [clip if clip in masked else clip._replace(mask_source="none") for clip in clips]


def _replays(
    clips: Sequence[ClipRow],
    video_store: VideoStore,
    predictions: PredictionStore,
    parallel: ParallelSettings,
) -> dict[str, Replay]:
    """What a detector tells of each video."""
    own = by_video(clips)
    work = [delayed(_replay)(each, video_store, predictions) for each in own.values()]
    with ProgressBar(total=len(own), unit=" videos", desc="alarms") as bar:
        return dict(zip(own, in_parallel(work, parallel, bar), strict=True))


def _replay(
    clips: Sequence[ClipRow],
    video_store: VideoStore,
    predictions: PredictionStore,
) -> Replay:
    """Work of one worker: the clips of a video, one after the other."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # videos are watched in parallel
    try:
        views = [clip.read(video_store) for clip in clips]
        maps = [predictions.read(clip).maps for clip in clips]
        height, width = maps[0].shape[1:]
        return replay(
            (height, width),
            chain.from_iterable(view.frames for view in views),
            chain.from_iterable(maps),
            np.concatenate([view.times_s for view in views]),
            SETTINGS,
        )
    finally:
        cv2.setNumThreads(threads)


def _evidence(
    clips: Sequence[ClipRow], replays: Mapping[str, Replay]
) -> dict[str, NDArray[np.float64]]:
    """The evidence of the frames of each clip."""
    found: dict[str, NDArray[np.float64]] = {}
    for video, own in by_video(clips).items():
        ends = np.cumsum([clip.n_frames for clip in own])[:-1]
        parts = np.split(replays[video].evidence, ends)
        found |= {clip.name: part for clip, part in zip(own, parts, strict=True)}
    return found
