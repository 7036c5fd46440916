"""Nodes of evaluate: thin adapters between the catalog, `fgstp.inference` and `fgstp.scoring`.

Their arguments are datasets of the catalog, the name of the model, and settings.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fgstp.core.config import check_seed
from fgstp.core.errors import UserError
from fgstp.footage.clip_table import ClipRow, digest, kept_clips, rates_hz
from fgstp.footage.video_store import VideoStore
from fgstp.inference.prediction_store import PredictionStore
from fgstp.inference.trainings import (
    finished_trainings,
    given_training,
    predict_trainings,
    read_predicted,
)
from fgstp.models.machine import explain_out_of_memory, use_cuda
from fgstp.models.training_records import seed_folder
from fgstp.pipelines.tracking import log_numbers
from fgstp.scoring.clip_scores import ScorableClip
from fgstp.scoring.protocols import EvaluateSettings, get_protocol
from fgstp.scoring.results import (
    FRAME_COLUMNS,
    GROUPS,
    key_scores,
    model_scores,
    score_clips,
    with_facts,
)
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
        UserError: there are no clips, a checkpoint cannot be used, or the seed, which the
            summaries will need, is invalid.
    """
    check_seed(seed)
    given = evaluate.checkpoint
    trainings = given_training(given, name) if given else finished_trainings(models / name)
    test = kept_clips(clips, video_store, "test")
    validation = _threshold_clips(clips, video_store, evaluate)
    fps_hz = rates_hz([*validation, *test], videos)
    facts = {
        "checkpoint": given and given.as_posix(),
        "footage_sha256": digest(test),
        "n_test_clips": len(test),
        "n_pseudo_clips": sum(
            clip.mask_source == "pseudo" for clip in test if not evaluate.allow_pseudo_masks
        ),
        "n_validation_clips": len(validation),
    }

    def work(predictions: Path) -> None:
        with explain_out_of_memory("lower evaluate.batch_frames"):
            n_frames, seconds = predict_trainings(
                name,
                trainings,
                [*validation, *test],
                fps_hz,
                video_store,
                predictions=predictions / name,
                facts=facts,
                allow_pseudo_masks=evaluate.allow_pseudo_masks,
                device="cuda" if use_cuda(evaluate.accelerator, "evaluate") else "cpu",
                batch_frames=evaluate.batch_frames,
            )
        if n_frames:
            log_numbers({"predict.ms_per_frame": 1000 * seconds / n_frames})

    return work


def _masked(rows: Iterable[ClipRow], evaluate: EvaluateSettings) -> list[ClipRow]:
    """The clips whose masks may be scored against."""
    allowed = evaluate.allow_pseudo_masks
    return [clip for clip in rows if clip.has_masks(allow_pseudo_masks=allowed)]


def _threshold_clips(
    clips: pd.DataFrame, video_store: VideoStore, evaluate: EvaluateSettings
) -> list[ClipRow]:
    """Clips on which thresholds are chosen; none if no protocol needs it, or there is no mask."""
    is_chosen = any(get_protocol(name).threshold is None for name in evaluate.protocols)
    if not is_chosen or "validation" not in set(clips.loc[clips["dropped"].isna(), "split"]):
        return []
    if not _masked(kept_clips(clips, video_store, "test"), evaluate):
        return []
    return _masked(kept_clips(clips, video_store, "validation"), evaluate)


def score(
    predictions: Path,
    clips: pd.DataFrame,
    videos: pd.DataFrame,
    video_store: VideoStore,
    name: str,
    evaluate: EvaluateSettings,
) -> pd.DataFrame:
    """Score the predictions of the test clips that have masks under every protocol.

    Returns:
        A row for each training, frame and protocol, with the `seed` of the training; none without
        masks. A threshold is chosen on validation clips for each training.

    Raises:
        UserError: predictions are missing.
    """
    validation = _scorable(_threshold_clips(clips, video_store, evaluate), evaluate)
    test = _scorable(_masked(kept_clips(clips, video_store, "test"), evaluate), evaluate)
    if not test:
        logger.info("No test clip has masks, so that there are no scores of pixels.")
        return pd.DataFrame(columns=list(FRAME_COLUMNS))
    if n_skipped := sum(clip.n_frames - clip.annotated_frames for clip in test.values()):
        logger.info("%d frames of the test clips have no mask and are not scored.", n_skipped)
    left_out = evaluate.model_dump(include={"drop_given", "drop_last_frames"})
    named = [get_protocol(name).model_copy(update=left_out) for name in evaluate.protocols]
    for protocol in named:
        if protocol.threshold is None and not validation:
            text = "No validation clip has masks, so that the threshold of %s is a half."
            logger.warning(text, protocol.name)
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
    if predicted.maps.shape != view.frames.shape:
        raise UserError(
            f"The predictions of the clip {clip} have not the size of its frames; run `kedro run "
            "--pipelines=evaluate` for this model."
        )
    maps = np.where(view.void(), 0, predicted.maps[numbers]).astype(np.uint8)
    return ScorableClip(maps, view.masks(), numbers, predicted.scores[numbers])


def summarise_scores(
    frame_scores: dict[str, pd.DataFrame],
    detection: dict[str, Any],
    predictions: Path,
    videos: pd.DataFrame,
    name: str,
    evaluate: EvaluateSettings,
    seed: int,
) -> tuple[dict[str, Any], pd.DataFrame, dict[str, float]]:
    """Summarise the scores of a model, and log them.

    Returns:
        The scores over all videos; the summaries by video, category and leak class, which are of
        pixels and have no rows without masks; and the scores that `dvc metrics show` has room for.
    """
    frames = frame_scores[name]
    parts = [summarise(frames, by, n_resamples=evaluate.n_resamples, seed=seed) for by in GROUPS]
    summaries = pd.concat(parts, ignore_index=True)
    summaries.insert(0, "model", name)
    predicted = read_predicted(predictions / name)
    source = videos["source"].iloc[0]
    scores = model_scores(summaries, frames, detection, predicted, source)
    for protocol, found in scores["protocols"].items():
        log_numbers({protocol: {name: found[name] for name in found if name != "settings"}})
    return scores, summaries, key_scores(scores)
