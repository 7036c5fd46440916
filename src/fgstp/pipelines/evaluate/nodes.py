"""Nodes of evaluate: thin adapters between the catalog, `fgstp.inference` and `fgstp.scoring`."""

import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from fgstp.core.config import check_seed
from fgstp.core.errors import UserError
from fgstp.footage.clip_table import ClipRow, digest, masked_clips
from fgstp.footage.video_store import VideoStore
from fgstp.inference.predict_clips import predict_clips, prediction_code_digest
from fgstp.inference.prediction_store import PredictionStore, prediction_stores
from fgstp.models.checkpoint import BEST, load_model, sha256
from fgstp.models.machine import told_if_out_of_memory, use_cuda
from fgstp.models.predictor import AnyPredictor
from fgstp.models.seeds import remove_seeds_after, seed_folder
from fgstp.pipelines.tracking import log_numbers
from fgstp.scoring.clip_scores import ScorableClip
from fgstp.scoring.protocols import get_protocol
from fgstp.scoring.results import GROUPS, model_scores, score_clips, with_facts
from fgstp.scoring.settings import EvaluateSettings
from fgstp.scoring.summary import SEED, summarise
from fgstp.scoring.thresholds import with_threshold

logger = logging.getLogger(__name__)


def predict(
    training: dict[str, Any],
    clips: pd.DataFrame,
    video_store: VideoStore,
    model_folder: Path,
    predictions: Path,
    name: str,
    evaluate: EvaluateSettings,
    seed: int,
) -> dict[str, Any]:
    """Predict the test clips, and the validation clips if a threshold is to be chosen.

    Every training of the model predicts them, each in a folder of its own.

    Args:
        training: how the model was trained, and how its repeats were.
        clips: clip table.
        video_store: the videos.
        model_folder: folder of trained models.
        predictions: folder of predictions, where those of each model have a folder.
        name: name of the model.
        evaluate: settings.
        seed: of the bootstrap of the summaries, checked before the long work.

    Returns:
        What was predicted by what: `model`, the kind of its `prompt`, a `label`
        that tells its method where its settings choose one of several, `checkpoint_sha256` of
        the first training and `repeats_sha256` of further ones, the `seeds` of all (None where
        it is unknown), how many of them `diverged`, `footage_sha256`.

    Raises:
        UserError: there are no clips with masks, or the checkpoint cannot be used.
    """
    check_seed(seed)
    test = _clips_of("test", clips, video_store, evaluate)
    chosen = [*_threshold_clips(clips, video_store, evaluate), *test]
    trainings = [training, *training.get("repeats", [])]
    checkpoints = [
        seed_folder(model_folder / name, 1 + repeat) / BEST for repeat in range(len(trainings))
    ]
    with told_if_out_of_memory("lower evaluate.batch_frames"):
        model = _load(checkpoints[0], name, evaluate)
        digests = [sha256(checkpoint) for checkpoint in checkpoints]
        _check_trainings(name, trainings, digests)
        footage = digest(test)
        maker = f"{footage} {digest(chosen)} {prediction_code_digest()}"
        stores = prediction_stores(predictions / name, len(trainings))
        done = []
        for repeat, store in enumerate(stores):
            store.made_by(f"{name} {digests[repeat]} {maker}")
            if repeat:
                model = _load(checkpoints[repeat], name, evaluate)
            done.append(predict_clips(model, chosen, video_store, store))
        remove_seeds_after(predictions / name, len(trainings))
    if n_frames := sum(each.n_frames for each in done):
        seconds = sum(each.seconds for each in done)
        log_numbers({"predict.ms_per_frame": 1000 * seconds / n_frames})
    return {
        "model": name,
        "prompt": model.prompt_kind,
        "label": model.label,
        "checkpoint_sha256": digests[0],
        "repeats_sha256": digests[1:],
        "seeds": [each.get("seed") for each in trainings],
        "diverged": sum(each.get("ended_by") == "divergence" for each in trainings),
        "footage_sha256": footage,
    }


def _load(checkpoint: Path, name: str, evaluate: EvaluateSettings) -> AnyPredictor:
    return load_model(
        checkpoint,
        model=name,
        device="cuda" if use_cuda(evaluate.accelerator, "evaluate") else "cpu",
        batch_frames=evaluate.batch_frames,
    )


def _check_trainings(name: str, trainings: list[dict[str, Any]], digests: list[str]) -> None:
    """A training that was stopped leaves a checkpoint that its record does not tell of."""
    if [each.get("checkpoint_sha256") for each in trainings] != digests:
        raise UserError(
            f"The checkpoint of {name} is not the one that its training.json tells of, since a "
            "training of it did not end; run `kedro run --pipelines=train "
            f"--params=model={name}`."
        )
    if len({each.get("seed") for each in trainings}) < len(trainings):
        raise UserError(
            f"Two trainings of {name} have the same seed by its training.json; run `kedro run "
            f"--pipelines=train --params=model={name}`."
        )


def _threshold_clips(
    clips: pd.DataFrame, video_store: VideoStore, evaluate: EvaluateSettings
) -> list[ClipRow]:
    """The clips that thresholds are chosen on; none if no protocol needs one."""
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
    predicted: dict[str, Any],
    clips: pd.DataFrame,
    videos: pd.DataFrame,
    video_store: VideoStore,
    predictions: Path,
    name: str,
    evaluate: EvaluateSettings,
) -> pd.DataFrame:
    """Score the predictions of the test clips under every protocol.

    Args:
        predicted: what was predicted.
        clips: clip table.
        videos: video table.
        video_store: the videos.
        predictions: folder of predictions.
        name: name of the model.
        evaluate: settings.

    Returns:
        A row a training, frame and protocol, with the training's `seed`. A threshold that is
        chosen on validation clips is each training's own.

    Raises:
        UserError: predictions or masks are missing.
    """
    validation = _scorable(_threshold_clips(clips, video_store, evaluate), evaluate)
    test = _scorable(_clips_of("test", clips, video_store, evaluate), evaluate)
    if n_skipped := sum(clip.n_frames - clip.annotated_frames for clip in test.values()):
        logger.info("%d frames of the test clips have no mask and are not scored.", n_skipped)
    left_out = evaluate.model_dump(include={"drop_given", "drop_last_frames"})
    named = [get_protocol(name).model_copy(update=left_out) for name in evaluate.protocols]
    seeds = predicted.get("seeds", [None])
    parts = []
    stores = prediction_stores(predictions / name, len(seeds))
    for trained_with, store in zip(seeds, stores, strict=True):
        read = partial(_read, validation | test, video_store, store)
        protocols = [with_threshold(protocol, [*validation], read) for protocol in named]
        rows = score_clips([*test], protocols, read, evaluate.parallel)
        rows.insert(0, SEED, pd.Series([trained_with] * len(rows), dtype="Int64"))
        parts.append(rows)
    together = pd.concat(parts, ignore_index=True)
    leak_classes = {name: clip.read(video_store).leak_class for name, clip in test.items()}
    return with_facts(together, clips, videos, leak_classes, predicted["model"])


def _scorable(clips: list[ClipRow], evaluate: EvaluateSettings) -> dict[str, ClipRow]:
    """Clips by name, without those whose annotated frames may all be left out."""
    n_left_out = evaluate.drop_given + evaluate.drop_last_frames
    kept = {clip.name: clip for clip in clips if clip.annotated_frames > n_left_out}
    if clips and not kept:
        raise UserError(
            f"No clip has more than {n_left_out} frames with a mask, so that none is left to be "
            "scored; annotate more frames, or lower evaluate.drop_last_frames."
        )
    if len(kept) < len(clips):
        logger.warning(
            "%d of %d clips have too few frames with a mask to be scored.",
            len(clips) - len(kept),
            len(clips),
        )
    return kept


def _read(
    clips: Mapping[str, ClipRow],
    video_store: VideoStore,
    predictions: PredictionStore,
    clip: str,
) -> ScorableClip:
    """Predictions and masks of the annotated frames of a clip."""
    view, maps = clips[clip].read(video_store), predictions.read(clip)
    if maps.shape != view.frames.shape:
        raise UserError(
            f"The predictions are {maps.shape}, but the frames are {view.frames.shape}; run "
            "`kedro run --pipelines=evaluate` again."
        )
    return ScorableClip(maps[view.annotated], view.masks(), view.annotated)


def summarise_scores(
    frame_scores: pd.DataFrame,
    predicted: dict[str, Any],
    videos: pd.DataFrame,
    evaluate: EvaluateSettings,
    seed: int,
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Summarise the scores of a model, and record them.

    Args:
        frame_scores: a row a training, frame and protocol.
        predicted: what was predicted by what.
        videos: video table, which tells what footage it is.
        evaluate: settings.
        seed: of the bootstrap.

    Returns:
        The scores over all videos, and the summaries by video, category and leak class.
    """
    parts = [
        summarise(frame_scores, by, n_resamples=evaluate.n_resamples, seed=seed) for by in GROUPS
    ]
    summaries = pd.concat(parts, ignore_index=True)
    summaries.insert(0, "model", predicted["model"])
    scores = model_scores(summaries, frame_scores, predicted, videos["source"].iloc[0])
    for protocol, found in scores["protocols"].items():
        log_numbers({protocol: {name: found[name] for name in found if name != "settings"}})
    return scores, summaries
