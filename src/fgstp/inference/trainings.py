"""Trainings of a model, or a given checkpoint, at work, and the record of what predicted what."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field
from pydantic.dataclasses import dataclass

from fgstp import models
from fgstp.core.errors import UserError
from fgstp.core.files import code_digest, write_text
from fgstp.core.fingerprint import content_hash
from fgstp.core.records import read_record
from fgstp.footage.clip_table import ClipRow
from fgstp.footage.video_store import VideoStore
from fgstp.inference.predict_videos import predict_videos
from fgstp.inference.prediction_store import PredictionStore
from fgstp.models.base import AnyPredictor
from fgstp.models.checkpoint import load_model, read_checkpoint
from fgstp.models.shipped_files import weights_file
from fgstp.models.training_records import (
    BEST,
    read_records,
    remove_seeds_after,
    seed_folder,
    seed_numbers,
)

PREDICTED = "predicted.json"  # its name in the folder of a model's predictions

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Training:
    """A finished training of a model.

    Attributes:
        number: its number, from 1.
        seed: its random seed; None if it is not known, or there was nothing to train.
        checkpoint_sha256: SHA-256 of its checkpoint.
        diverged: whether it ended because its loss was no longer finite.
        frame_threshold: score from which a frame is taken to hold gas, as its checkpoint says.
    """

    number: int
    seed: int | None
    checkpoint_sha256: str
    diverged: bool
    frame_threshold: float | None = None


class Predicted(BaseModel):
    """Part of the record of predictions that readers rely on."""

    model: str
    trainings: Annotated[list[Training], Field(min_length=1)]


def given_training(checkpoint: Path, model: str) -> dict[Path, Training]:
    """A checkpoint as the only training of a model; a `UserError` if it is none of the model.

    Args:
        checkpoint: the file, or the name of weights that come with the package, such as `wisp`.
        model: name of the model.
    """
    read_checkpoint(checkpoint, model)
    digest = content_hash([weights_file(checkpoint)])
    return {checkpoint: Training(1, None, digest, diverged=False)}


def finished_trainings(folder: Path) -> dict[Path, Training]:
    """The trainings of a model that can be evaluated, by their checkpoints, in order.

    Args:
        folder: folder of the model, with a folder `seed_<k>` for each training.

    Raises:
        UserError: there is none, a checkpoint is not that of its record, or two have one seed.
    """
    again = f"run `kedro run --pipelines=train --params=model={folder.name}`."
    records = read_records(folder)
    if not records:
        raise UserError(
            f"There is no trained {folder.name} in {folder}; name a checkpoint with "
            f"evaluate.checkpoint=FILE, or {again}"
        )
    if unfinished := [number for number in seed_numbers(folder) if number not in records]:
        logger.warning("Not evaluated, since they have not ended: trainings %s.", unfinished)
    if not records[min(records)]["trained"]:  # every seed gives the same
        records = {min(records): records[min(records)]}
    found = {}
    for number, record in records.items():
        path = seed_folder(folder, number) / BEST
        digest = content_hash([path])
        if digest != record["checkpoint_sha256"]:
            raise UserError(
                f"The checkpoint of training {number} of {folder.name} is not the one that its "
                f"training.json tells of, since a training did not end; {again}"
            )
        diverged = record.get("ended_by") == "divergence"
        found[path] = Training(number, record.get("seed"), digest, diverged)
    if len({each.seed for each in found.values()}) < len(found):
        raise UserError(f"Two trainings of {folder.name} have the same seed; {again}")
    return found


def predict_trainings(
    name: str,
    trainings: Mapping[Path, Training],
    clips: Sequence[ClipRow],
    fps_hz: Mapping[str, float],
    videos: VideoStore,
    *,
    predictions: Path,
    facts: Mapping[str, object],
    allow_pseudo_masks: bool,
    device: str,
    batch_frames: int | None,
) -> tuple[int, float]:
    """Predict clips with every training of a model, each into a folder of its own.

    A model with a prompt, which is made of masks, leaves clips without masks out. What predicted
    them is recorded last, in `predicted.json`; see `read_predicted`.

    Args:
        name: name of the model.
        trainings: its trainings by their checkpoints, as `finished_trainings` gives them.
        clips: the clips.
        fps_hz: frame rate by video.
        videos: where the frames are.
        predictions: folder of the model's predictions.
        facts: what else to record, as plain values.
        allow_pseudo_masks: whether prompts may be made of masks computed from the footage.
        device: device of the networks.
        batch_frames: frames that are predicted at a time; None: as in training.

    Returns:
        Number of frames that were predicted now, and the time that it took, in seconds.

    Raises:
        UserError: a checkpoint cannot be used, a prediction is not finite, or the model needs
            masks and there are none.
    """
    n_frames, seconds, done = 0, 0.0, []
    code = code_digest([Path(models.__file__).parent, Path(__file__).parent])
    for checkpoint, training in trainings.items():
        model = load_model(checkpoint, model=name, device=device, batch_frames=batch_frames)
        made_by = {"checkpoint_sha256": training.checkpoint_sha256, "code": code}
        store = PredictionStore(seed_folder(predictions, training.number))
        own = _predictable(clips, model, allow_pseudo_masks=allow_pseudo_masks)
        n_now, seconds_now = predict_videos(model, own, fps_hz, videos, store, facts=made_by)
        n_frames, seconds = n_frames + n_now, seconds + seconds_now
        done.append(replace(training, frame_threshold=model.frame_threshold))
    remove_seeds_after(predictions, done[-1].number)
    if n_left_out := len(clips) - len(own):
        logger.warning(
            "%s is given masks; it leaves out %d of %d clips, which have none.",
            name,
            n_left_out,
            len(clips),
        )
    record = {
        "model": name,
        "n_left_out_clips": n_left_out,
        "prompt": model.prompt_kind,
        "label": model.label,
        "parameters": sum(weights.numel() for weights in model.parameters()),
        "trainings": [asdict(training) for training in done],
        **_speed(predictions, n_frames, seconds, device),
        **facts,
    }
    write_text(predictions / PREDICTED, json.dumps(record, indent=1) + "\n")
    return n_frames, seconds


def _speed(predictions: Path, n_frames: int, seconds: float, device: str) -> dict[str, Any]:
    """`ms_per_frame` and `device`: as measured now or, if nothing was to be predicted, before."""
    if n_frames:
        return {"ms_per_frame": round(1000 * seconds / n_frames, 3), "device": device}
    path = predictions / PREDICTED
    before = read_predicted(predictions) if path.exists() else {}
    return {name: before[name] for name in ("ms_per_frame", "device") if name in before}


def _predictable(
    clips: Sequence[ClipRow], model: AnyPredictor, *, allow_pseudo_masks: bool
) -> Sequence[ClipRow]:
    """The clips of which a model has what it needs."""
    if model.prompt_kind == "none":
        return clips
    masked = [clip for clip in clips if clip.has_masks(allow_pseudo_masks=allow_pseudo_masks)]
    if not masked:
        raise UserError(
            f"{model.name} is given masks of the footage, but none of its {len(clips)} clips has "
            "one; put masks beside the videos, or evaluate another model."
        )
    return masked


def scored_records(folder: Path, predicted: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    """Records of the trainings that were evaluated, by number; a given checkpoint has a short one.

    Args:
        folder: folder of the model, with a folder `seed_<k>` for each training.
        predicted: what predicted what, see `read_predicted`.

    Raises:
        UserError: a model was trained again after its evaluation.
    """
    scored = {each["number"]: each["checkpoint_sha256"] for each in predicted["trainings"]}
    if given := predicted.get("checkpoint"):
        facts = {"checkpoint": given, "parameters": predicted["parameters"]}
        return {
            number: {"model": folder.name, "trained": False, "checkpoint_sha256": digest} | facts
            for number, digest in scored.items()
        }
    own = read_records(folder)
    # A model without training is the same for every seed.
    own = {number: each for number, each in own.items() if each["trained"] or number == 1}
    if {number: each["checkpoint_sha256"] for number, each in own.items()} != scored:
        raise UserError(
            f"{folder.name} was trained again after its evaluation, or its training.json is gone; "
            f"run `kedro run --pipelines=train,evaluate --params=model={folder.name}`."
        )
    return own


def read_predicted(predictions: Path) -> dict[str, Any]:
    """What predicted what, as `predict_trainings` recorded it in the folder of predictions.

    Returns:
        `model`; the kind of its `prompt`; `n_left_out_clips`, which have no masks for it; `label`,
        its method where its settings choose one of several; its number of `parameters`;
        `trainings`, the fields of `Training` of each; `ms_per_frame` and `device`, the mean time of
        a frame when it was last predicted, reading included; and the facts that were given.

    Raises:
        UserError: there is no record.
    """
    mend = f"run `kedro run --pipelines=evaluate --params=model={predictions.name}`"
    record: dict[str, Any] = read_record(predictions / PREDICTED, Predicted, mend)
    return record
