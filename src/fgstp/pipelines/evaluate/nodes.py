"""Nodes of evaluate: thin adapters between the catalog, `fgstp.inference` and `fgstp.scoring`.

Their arguments are datasets of the catalog, the name of the model, and settings.
"""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fgstp.core.config import check_seed
from fgstp.core.errors import UserError
from fgstp.footage.clip_table import ClipRow, digest, masked_clips
from fgstp.footage.video_store import VideoStore
from fgstp.inference.prediction_store import PredictionStore
from fgstp.inference.trainings import (
    finished_trainings,
    given_training,
    predict_trainings,
    read_predicted,
)
from fgstp.models.checkpoint import seed_folder
from fgstp.models.machine import explain_out_of_memory, use_cuda
from fgstp.pipelines.tracking import log_numbers
from fgstp.scoring.clip_scores import ScorableClip
from fgstp.scoring.protocols import EvaluateSettings, get_protocol
from fgstp.scoring.results import GROUPS, key_scores, model_scores, score_clips, with_facts
from fgstp.scoring.summary import SEED, summarise
from fgstp.scoring.thresholds import with_threshold

logger = logging.getLogger(__name__)


def predict(
    models: Path,
    clips: pd.DataFrame,
    videos: pd.DataFrame,
    video_store: VideoStore,
    name: str,
    evaluate: EvaluateSettings,
    seed: int,
) -> Callable[[Path], None]:
    """Predict the test clips, and the validation clips if a threshold is to be chosen.

    Returns:
        A function that fills the folder of predictions, with a subfolder for each training.

    Raises:
        UserError: there are no clips with masks, a checkpoint cannot be used, or the seed, which
            the summaries will need, is invalid.
    """
    check_seed(seed)
    given = evaluate.checkpoint
    trainings = given_training(given, name) if given else finished_trainings(models / name)
    test = _clips_of("test", clips, video_store, evaluate)
    chosen = [*_threshold_clips(clips, video_store, evaluate), *test]

    def work(predictions: Path) -> None:
        with explain_out_of_memory("lower evaluate.batch_frames"):
            n_frames, seconds = predict_trainings(
                name,
                trainings,
                chosen,
                dict(zip(videos["video"], videos["fps_hz"], strict=True)),
                video_store,
                predictions=predictions / name,
                facts={
                    "footage_sha256": digest(test),
                    "checkpoint": given and given.as_posix(),
                },
                device="cuda" if use_cuda(evaluate.accelerator, "evaluate") else "cpu",
                batch_frames=evaluate.batch_frames,
            )
        if n_frames:
            log_numbers({"predict.ms_per_frame": 1000 * seconds / n_frames})

    return work


def _threshold_clips(
    clips: pd.DataFrame, video_store: VideoStore, evaluate: EvaluateSettings
) -> list[ClipRow]:
    """Clips on which thresholds are chosen; none if no protocol needs it."""
    if all(get_protocol(name).threshold is not None for name in evaluate.protocols):
        return []
    return _clips_of("validation", clips, video_store, evaluate)


def _clips_of(
    split: str, clips: pd.DataFrame, video_store: VideoStore, evaluate: EvaluateSettings
) -> list[ClipRow]:
    return masked_clips(
        clips,
        video_store,
        split,
        allow_pseudo_masks=evaluate.allow_pseudo_masks,
        setting="evaluate.allow_pseudo_masks",
    )


def score(
    predictions: Path,
    clips: pd.DataFrame,
    videos: pd.DataFrame,
    video_store: VideoStore,
    name: str,
    evaluate: EvaluateSettings,
) -> pd.DataFrame:
    """Score the predictions of the test clips under every protocol.

    Returns:
        A row for each training, frame and protocol, with the `seed` of the training. A threshold
        is chosen on validation clips for each training.

    Raises:
        UserError: predictions or masks are missing.
    """
    validation = _scorable(_threshold_clips(clips, video_store, evaluate), evaluate)
    test = _scorable(_clips_of("test", clips, video_store, evaluate), evaluate)
    if n_skipped := sum(clip.n_frames - clip.annotated_frames for clip in test.values()):
        logger.info("%d frames of the test clips have no mask and are not scored.", n_skipped)
    left_out = evaluate.model_dump(include={"drop_given", "drop_last_frames"})
    named = [get_protocol(name).model_copy(update=left_out) for name in evaluate.protocols]
    parts = []
    for training in read_predicted(predictions / name)["trainings"]:
        store = PredictionStore(seed_folder(predictions / name, training["number"]))
        read = partial(_read, validation | test, video_store, store)
        protocols = [with_threshold(protocol, [*validation], read) for protocol in named]
        rows = score_clips([*test], protocols, read, evaluate.parallel)
        rows.insert(0, SEED, pd.Series([training["seed"]] * len(rows), dtype="Int64"))
        parts.append(rows)
    leak_classes = {clip: row.read(video_store).leak_class for clip, row in test.items()}
    return with_facts(pd.concat(parts, ignore_index=True), clips, videos, leak_classes, name)


def _scorable(clips: list[ClipRow], evaluate: EvaluateSettings) -> dict[str, ClipRow]:
    """Clips by name, without those of which no annotated frame may be left to score."""
    n_left_out = evaluate.drop_given + evaluate.drop_last_frames
    kept = {clip.name: clip for clip in clips if clip.annotated_frames > n_left_out}
    if clips and not kept:
        raise UserError(
            f"No clip has more than {n_left_out} frames with a mask, so that none is left to be "
            "scored; annotate more frames, or lower evaluate.drop_last_frames."
        )
    if len(kept) < len(clips):
        text = "%d of %d clips have too few frames with a mask to be scored."
        logger.warning(text, len(clips) - len(kept), len(clips))
    return kept


def _read(
    clips: Mapping[str, ClipRow], video_store: VideoStore, predictions: PredictionStore, clip: str
) -> ScorableClip:
    """Predictions and masks of the annotated frames of a clip; both are empty in void."""
    view, predicted = clips[clip].read(video_store), predictions.read(clips[clip])
    numbers = view.annotated
    maps = np.where(view.void(), 0, predicted.maps[numbers]).astype(np.uint8)
    return ScorableClip(maps, view.masks(), numbers, predicted.scores[numbers])


def summarise_scores(
    frame_scores: pd.DataFrame,
    predictions: Path,
    videos: pd.DataFrame,
    name: str,
    evaluate: EvaluateSettings,
    seed: int,
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Summarise the scores of a model, and log them.

    Returns:
        The scores over all videos, and the summaries by video, category and leak class.
    """
    parts = [
        summarise(frame_scores, by, n_resamples=evaluate.n_resamples, seed=seed) for by in GROUPS
    ]
    summaries = pd.concat(parts, ignore_index=True)
    summaries.insert(0, "model", name)
    predicted = read_predicted(predictions / name)
    scores = model_scores(summaries, frame_scores, predicted, videos["source"].iloc[0])
    for protocol, found in scores["protocols"].items():
        log_numbers({protocol: {name: found[name] for name in found if name != "settings"}})
    return scores, summaries


def list_key_scores(scores: dict[str, dict[str, Any]], name: str) -> dict[str, float]:
    """Choose the scores of a model that `dvc metrics show` has room for."""
    return key_scores(scores[name])
