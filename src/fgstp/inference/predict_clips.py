"""Predictions of many clips, which go on where they were stopped."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from fgstp import models
from fgstp.core.files import code_digest
from fgstp.footage import masks
from fgstp.footage.clip_table import ClipRow
from fgstp.footage.video_store import VideoStore
from fgstp.inference.prediction_store import PredictionStore
from fgstp.models.predictor import AnyPredictor
from fgstp.models.session import prompt_of


class Predicted(NamedTuple):
    """What was done.

    Attributes:
        n_frames: frames that were predicted now; those from before are not counted.
        seconds: time that it took.
    """

    n_frames: int
    seconds: float


def prediction_code_digest() -> str:
    """SHA-256 of the code that makes predictions: it changed, so what it made is outdated."""
    package = Path(models.__file__).parent
    return code_digest([package, Path(masks.__file__), Path(__file__)])


def predict_clips(
    model: AnyPredictor,
    clips: Sequence[ClipRow],
    store: VideoStore,
    predictions: PredictionStore,
) -> Predicted:
    """Predict clips, one after the other; those that are predicted already are passed over.

    Args:
        model: the model, which is told of each clip what it needs and no more.
        clips: the clips.
        store: the videos.
        predictions: where the maps are written, as uint8, probability 1 being 255; maps of
            other clips there are removed.

    Returns:
        How much was done.
    """
    predictions.remove_all_but([clip.name for clip in clips])
    missing = [clip for clip in clips if not predictions.holds(clip.name)]
    n_frames = sum(clip.n_frames for clip in missing)
    start = time.monotonic()
    with tqdm(total=n_frames, unit=" frames", desc=f"predicting ({model.name})") as bar:
        for clip in missing:
            view = clip.read(store)
            prompt = prompt_of(model.prompt_kind, view.masks_or_zeros())
            maps = model.predict(view.frames, prompt=prompt)
            predictions.write(clip.name, np.round(255 * maps).astype(np.uint8))
            bar.update(clip.n_frames)
    return Predicted(n_frames, time.monotonic() - start)
