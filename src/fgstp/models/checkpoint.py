"""Trained models on disk: checkpoints, and a folder with a record for each training."""

import json
import logging
import platform
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from pydantic import BaseModel

from fgstp import __version__
from fgstp.core.errors import UserError
from fgstp.core.files import atomic_path, write_text
from fgstp.core.fingerprint import content_hash
from fgstp.core.records import read_record
from fgstp.models.base import AnyPredictor, Model
from fgstp.models.registry import create_model
from fgstp.models.shipped_files import is_shipped
from fgstp.models.state_dicts import Weights, check_fit, check_values, read_object

logger = logging.getLogger(__name__)

FORMAT = "fgstp checkpoint 2"
BEST, RECORD = "best.ckpt", "training.json"  # files in the folder of a training
THRESHOLD = "frame_threshold"  # among the facts
VERSIONS = {
    "python": platform.python_version(),
    "fgstp": __version__,
    "torch": str(torch.__version__),
    "timm": timm.__version__,
    "numpy": np.__version__,
}


class Epoch(BaseModel):
    """Part of the figures of an epoch."""

    epoch: int
    learning_rate: float


class Record(BaseModel):
    """Part of the record of a training that readers rely on."""

    model: str
    trained: bool
    checkpoint_sha256: str
    epochs: list[Epoch]
    seed: int | None = None
    ended_by: str | None = None
    epoch: int | None = None
    scores: dict[str, float] = {}
    mask_sources: list[str] = []


@dataclass(frozen=True)
class Checkpoint:
    """Content of a checkpoint.

    Attributes:
        model: name of the model.
        settings: its settings.
        weights: its state dict, on the CPU.
        versions: versions of Python and of packages that wrote it.
        facts: further recorded values, such as the epoch and `frame_threshold`.
    """

    model: str
    settings: dict[str, Any]
    weights: Weights
    versions: dict[str, str]
    facts: dict[str, Any] = field(default_factory=dict)


def save_checkpoint(
    model: AnyPredictor, path: Path, facts: Mapping[str, Any] | None = None
) -> None:
    """Write a model, whole or not at all.

    Args:
        model: the model.
        path: the file to write.
        facts: further values to record, as JSON represents them.

    Raises:
        UserError: the file cannot be written.
    """
    weights = {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()}
    recorded = {THRESHOLD: model.frame_threshold} | dict(facts or {})
    content = {
        "format": FORMAT,
        "model": model.name,
        "settings": model.settings.model_dump(mode="json"),
        "weights": weights,
        "versions": VERSIONS,
        # Through JSON, because only plain values can be read again.
        "facts": json.loads(json.dumps(recorded)),
    }
    written = BytesIO()  # into a file, torch hides a full disk, and stores the file's name
    torch.save(content, written)
    with atomic_path(path) as temporary:
        temporary.write_bytes(written.getbuffer())


def read_checkpoint(path: Path | str, model: str | None = None) -> Checkpoint:
    """Read a checkpoint. No code in the file is run: it may hold tensors and plain values only.

    Args:
        path: the file, the name of weights that come with the package, such as `wisp`, or a file
            of weights (`.safetensors`) with its card beside it.
        model: required name of the model; None accepts any.

    Raises:
        UserError: the file does not exist, cannot be read, is no checkpoint or one of another
            model, or holds weights that are not finite.
    """
    from fgstp.models.shipped import read_shipped  # noqa: PLC0415 - built on this

    found = read_shipped(path) if is_shipped(path) else _read_file(Path(path))
    if model is not None and found.model != model:
        raise UserError(
            f"{path} is a checkpoint of {found.model}, not of {model}; choose that model, or "
            "another checkpoint."
        )
    return found


def _read_file(path: Path) -> Checkpoint:
    content = read_object(path)
    if not isinstance(content, Mapping) or content.get("format") != FORMAT:
        raise UserError(
            f"{path} is no checkpoint of this project; "
            "`fgstp weights import` makes one of published weights."
        )
    kinds = {"model": str, "settings": dict, "weights": dict, "versions": dict, "facts": dict}
    is_complete = all(isinstance(content.get(key), kind) for key, kind in kinds.items())
    if not (
        is_complete
        and all(isinstance(tensor, torch.Tensor) for tensor in content["weights"].values())
        and isinstance(content["facts"].get(THRESHOLD, 0.5), float | None)
    ):
        raise UserError(f"{path} is an incomplete checkpoint; train or import it again.")
    check_values(content["weights"], path)
    return Checkpoint(**{key: content[key] for key in kinds})


def load_model(
    path: Path | str,
    *,
    model: str | None = None,
    device: str = "cpu",
    batch_frames: int | None = None,
    height_px: int | None = None,
    width_px: int | None = None,
) -> AnyPredictor:
    """Load a model of torch, ready to predict; see also `fgstp.models.loading.load_model`.

    Args:
        path: the checkpoint, or the name of weights that come with the package, such as `wisp`.
        model: required name of the model; None accepts any.
        device: device of the model: `cpu`, `cuda`, `cuda:1`, or `auto`, a GPU if there is one.
        batch_frames: frames that it predicts at a time; None: as it was trained with.
        height_px: height at which it works; None: as it was trained with.
        width_px: width at which it works; None: as it was trained with.

    Returns:
        The model, in evaluation mode.

    Raises:
        UserError: the file does not exist, is no checkpoint or one of another model, its weights
            do not fit its settings, the model has no such size, or the device is not available.
    """
    checkpoint = read_checkpoint(path, model)
    size = {"height_px": height_px, "width_px": width_px}
    settings = checkpoint.settings | {key: px for key, px in size.items() if px is not None}
    if batch_frames is not None and "batch_frames" in settings:
        settings["batch_frames"] = batch_frames
    loaded = create_model(checkpoint.model, settings, initial_weights=False)
    if isinstance(loaded, Model):
        stage = checkpoint.facts.get("stage", loaded.n_stages - 1)
        if stage not in range(loaded.n_stages):
            raise UserError(f"{path} is of a stage {stage!r}, which {checkpoint.model} has not.")
        loaded.begin_stage(int(stage))
    _load(loaded, checkpoint, path)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        loaded.to(device)
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, AssertionError) as error:
        raise UserError(
            f"There is no device {device!r} here; choose cpu, or see why CUDA is not there."
        ) from error
    return loaded.eval()


def load_into(model: AnyPredictor, path: Path | str) -> Checkpoint:
    """Load a checkpoint's weights into a model, which keeps its device and its mode.

    Raises:
        UserError: the file does not exist, is no checkpoint, or is of another model or shape.
    """
    checkpoint = read_checkpoint(path, model.name)
    _load(model, checkpoint, path)
    return checkpoint


def _load(model: AnyPredictor, checkpoint: Checkpoint, path: Path | str) -> None:
    check_fit(
        checkpoint.weights,
        model.state_dict(),
        what=f"{path} does not fit the settings of {model.name}",
    )
    model.load_state_dict(checkpoint.weights)
    model.frame_threshold = checkpoint.facts.get(THRESHOLD)


def record_of(model: AnyPredictor, checkpoint: Path) -> dict[str, Any]:
    """Record of a checkpoint that was not trained here; a training adds its history.

    Args:
        model: the model.
        checkpoint: the file that holds it.

    Returns:
        Plain values: `model`, `trained`, `parameters`, `checkpoint_sha256`, `epochs`.

    Raises:
        UserError: the file cannot be read.
    """
    return {
        "model": model.name,
        "trained": False,
        "parameters": sum(weights.numel() for weights in model.parameters()),
        "checkpoint_sha256": content_hash([checkpoint]),
        "epochs": [],
    }


def seed_folder(folder: Path, number: int) -> Path:
    """Folder of a training, by its number from 1, in its model's folder of any kind of file."""
    return folder / f"seed_{number}"


def seed_numbers(folder: Path) -> list[int]:
    """Numbers of the trainings that have a folder, in order."""
    return sorted(number for number, _ in _numbered(folder))


def write_record(folder: Path, record: Mapping[str, Any]) -> None:
    """Write the record of a training into its folder; a `UserError` if that is impossible."""
    write_text(folder / RECORD, json.dumps(record, indent=1) + "\n")


def read_records(folder: Path) -> dict[int, dict[str, Any]]:
    """Records of the finished trainings in a model's folder, by number, in order.

    Raises:
        UserError: a record cannot be read.
    """
    paths = {number: seed_folder(folder, number) / RECORD for number in seed_numbers(folder)}
    return {number: _read_record(path) for number, path in paths.items() if path.is_file()}


def _read_record(path: Path) -> dict[str, Any]:
    model = path.parents[1].name
    mend = f"train the model again with `kedro run --pipelines=train --params=model={model}`"
    record: dict[str, Any] = read_record(path, Record, mend)
    return record


def best_number(records: Mapping[int, Mapping[str, Any]]) -> int | None:
    """Number of the training with the best validation score; None if none was trained.

    Args:
        records: see `read_records`.
    """
    trained = {number: each for number, each in records.items() if each["trained"]}
    return max(
        trained,
        key=lambda number: trained[number]["scores"][trained[number]["monitor"]],
        default=None,
    )


def remove_seeds_after(folder: Path, last: int) -> None:
    """Remove the folders of trainings with higher numbers, and say which."""
    for number, each in _numbered(folder):
        if number > last:
            logger.warning("%s is removed: only %d trainings are asked for.", each, last)
            shutil.rmtree(each, ignore_errors=True)


def _numbered(folder: Path) -> Iterator[tuple[int, Path]]:
    for each in list(folder.glob("seed_*")):
        number = each.name.removeprefix("seed_")
        if number.isdigit() and each.is_dir():
            yield int(number), each
