"""Nodes of evaluate: thin adapters between the catalog, `fgstp.inference` and `fgstp.scoring`."""

import logging
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fgstp.errors import UserError
from fgstp.footage.clip_store import ClipStore
from fgstp.footage.masked_clips import MaskedClip, digest, masked_clips
from fgstp.footage.settings import check_seed
from fgstp.inference.predict_clips import code_digest, predict_clips
from fgstp.inference.prediction_store import PredictionStore
from fgstp.models.checkpoint import BEST, load_system, sha256
from fgstp.models.machine import told_if_out_of_memory, use_cuda
from fgstp.pipelines.tracking import log_numbers
from fgstp.scoring.frame_table import GROUPS, with_facts
from fgstp.scoring.protocols import get_protocol
from fgstp.scoring.score_clips import score_clips, with_threshold
from fgstp.scoring.settings import EvaluateSettings
from fgstp.scoring.summary import summarise
from fgstp.scoring.system_scores import system_scores

logger = logging.getLogger(__name__)


def predict(
    training: dict[str, Any],
    clips: pd.DataFrame,
    clip_files: ClipStore,
    models: Path,
    predictions: Path,
    model: str,
    evaluate: EvaluateSettings,
    seed: int,
) -> dict[str, Any]:
    """Predict the test clips, and the validation clips if a threshold is to be chosen.

    Args:
        training: how the system was trained.
        clips: clip table.
        clip_files: the clips.
        models: folder of trained systems.
        predictions: folder of predictions, where those of each system have a folder.
        model: name of the system.
        evaluate: settings.
        seed: of the bootstrap of the summaries, checked before the long work.

    Returns:
        What was predicted by what: `system`, `checkpoint_sha256`, `footage_sha256`.

    Raises:
        UserError: there are no clips with masks, or the checkpoint cannot be used.
    """
    check_seed(seed)
    test = _clips_of("test", clips, clip_files, evaluate)
    chosen = [*_threshold_clips(clips, clip_files, evaluate), *test]
    checkpoint = models / model / BEST
    cuda = use_cuda(evaluate.accelerator, "evaluate")
    with told_if_out_of_memory("lower evaluate.batch_frames"):
        system = load_system(
            checkpoint,
            system=model,
            device="cuda" if cuda else "cpu",
            batch_frames=evaluate.batch_frames,
        )
        facts = {
            "system": model,
            "checkpoint_sha256": sha256(checkpoint),
            "footage_sha256": digest(test, clip_files),
        }
        _check_training(training, facts)
        store = PredictionStore(predictions / model)
        store.made_by(" ".join([*facts.values(), digest(chosen, clip_files), code_digest()]))
        done = predict_clips(system, chosen, clip_files, store)
    if done.n_frames:
        log_numbers({"predict.ms_per_frame": 1000 * done.seconds / done.n_frames})
    return facts


def _check_training(training: dict[str, Any], facts: dict[str, Any]) -> None:
    """A training that was stopped leaves a checkpoint that its record does not tell of."""
    if training.get("checkpoint_sha256") != facts["checkpoint_sha256"]:
        raise UserError(
            f"The checkpoint of {facts['system']} is not the one that its training.json tells "
            "of, since a training of it did not end; run `kedro run --pipelines=train "
            f"--params=model={facts['system']}`."
        )


def _threshold_clips(
    clips: pd.DataFrame, clip_files: ClipStore, evaluate: EvaluateSettings
) -> list[MaskedClip]:
    """The clips that thresholds are chosen on; none if no protocol needs one."""
    if all(get_protocol(name).threshold is not None for name in evaluate.protocols):
        return []
    return _clips_of("validation", clips, clip_files, evaluate)


def _clips_of(
    split: str, clips: pd.DataFrame, clip_files: ClipStore, evaluate: EvaluateSettings
) -> list[MaskedClip]:
    return masked_clips(
        clips,
        clip_files,
        split,
        allow_pseudo_masks=evaluate.allow_pseudo_masks,
        setting="evaluate.allow_pseudo_masks",
    )


def score(
    predicted: dict[str, Any],
    clips: pd.DataFrame,
    videos: pd.DataFrame,
    clip_files: ClipStore,
    predictions: Path,
    model: str,
    evaluate: EvaluateSettings,
) -> pd.DataFrame:
    """Score the predictions of the test clips under every protocol.

    Args:
        predicted: what was predicted.
        clips: clip table.
        videos: video table.
        clip_files: the clips.
        predictions: folder of predictions.
        model: name of the system.
        evaluate: settings.

    Returns:
        A row a frame and protocol.

    Raises:
        UserError: predictions or masks are missing.
    """
    read = partial(_read, clip_files, PredictionStore(predictions / model))
    validation = [clip.name for clip in _threshold_clips(clips, clip_files, evaluate)]
    test = [clip.name for clip in _clips_of("test", clips, clip_files, evaluate)]
    left_out = {
        "drop_first": evaluate.drop_first_frames,
        "drop_last": evaluate.drop_last_frames,
    }
    protocols = [
        with_threshold(get_protocol(name).model_copy(update=left_out), validation, read)
        for name in evaluate.protocols
    ]
    rows = score_clips(test, protocols, read, evaluate.parallel)
    leak_classes = {clip: clip_files.leak_class(clip) for clip in test}
    return with_facts(rows, clips, videos, leak_classes, predicted["system"])


def _read(
    clip_files: ClipStore, predictions: PredictionStore, clip: str
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    masks = clip_files.masks(clip)
    if masks is None:
        raise UserError(f"The masks of the clip {clip} are gone; run ingest again.")
    return predictions.read(clip), masks


def summarise_scores(
    frame_scores: pd.DataFrame,
    predicted: dict[str, Any],
    videos: pd.DataFrame,
    evaluate: EvaluateSettings,
    seed: int,
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Summarise the scores of a system, and record them.

    Args:
        frame_scores: a row a frame and protocol.
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
    summaries.insert(0, "system", predicted["system"])
    scores = system_scores(summaries, frame_scores, predicted, videos["source"].iloc[0])
    log_numbers(scores["protocols"])
    return scores, summaries
