"""Checkpoints: one file with the weights of a model, its settings, and their origin."""

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch

from fgstp import __version__
from fgstp.core.errors import UserError
from fgstp.core.files import atomic_path
from fgstp.models.base import Model
from fgstp.models.predictor import AnyPredictor
from fgstp.models.registry import create_model
from fgstp.models.state_dicts import Weights, check_fit, read_object

FORMAT = "fgstp checkpoint 2"
BEST = "best.ckpt"  # name of the file in the folder of a trained model
VERSIONS = {
    "python": platform.python_version(),
    "fgstp": __version__,
    "torch": str(torch.__version__),
    "timm": timm.__version__,
    "numpy": np.__version__,
}


@dataclass(frozen=True)
class Checkpoint:
    """Content of a checkpoint.

    Attributes:
        model: name of the model.
        settings: its settings.
        weights: the model's state dict, on the CPU.
        versions: versions of Python and of packages that wrote it.
        facts: further recorded values, such as the epoch.
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
    content = {
        "format": FORMAT,
        "model": model.name,
        "settings": model.settings.model_dump(mode="json"),
        "weights": weights,
        "versions": VERSIONS,
        # Through JSON, because only plain values can be read again.
        "facts": json.loads(json.dumps(facts or {})),
    }
    with atomic_path(path) as temporary:
        torch.save(content, temporary)


def read_checkpoint(path: Path | str) -> Checkpoint:
    """Read a checkpoint. Nothing in the file is run: tensors and plain values alone.

    Args:
        path: the file.

    Returns:
        What it holds.

    Raises:
        UserError: the file does not exist, cannot be read, or is no checkpoint.
    """
    path = Path(path)
    content = read_object(path)
    if not isinstance(content, Mapping) or content.get("format") != FORMAT:
        raise UserError(
            f"{path} is no checkpoint of this project; "
            "`fgstp weights import` makes one of published weights."
        )
    parts = {key: value for key, value in content.items() if key != "format"}
    kinds = {"model": str, "settings": dict, "weights": dict, "versions": dict, "facts": dict}
    if not all(isinstance(parts.get(key), kind) for key, kind in kinds.items()):
        raise UserError(f"{path} is an incomplete checkpoint; train or import it again.")
    return Checkpoint(**{key: parts[key] for key in kinds})


def load_model(
    path: Path | str,
    *,
    model: str | None = None,
    device: str = "cpu",
    batch_frames: int | None = None,
) -> AnyPredictor:
    """Load a model, ready to predict.

    Args:
        path: the checkpoint.
        model: required name of the model; None accepts any.
        device: device of the model: `cpu`, `cuda`, `cuda:1`.
        batch_frames: frames that it predicts at a time; None: as it was trained with.

    Returns:
        The model, in evaluation mode.

    Raises:
        UserError: the file does not exist, is no checkpoint or one of another model, its weights
            do not fit its settings, or the device is not available.

    Example:
        >>> from fgstp import load_model, read_video
        >>> model = load_model("data/06_models/fgstp/seed_1/best.ckpt")
        >>> maps = model.predict(read_video("leak.mkv"))
        >>> maps.shape, maps.dtype
        ((20, 60, 80), dtype('float32'))
    """
    checkpoint = read_checkpoint(path)
    _check_model(path, checkpoint, model)
    settings = dict(checkpoint.settings)
    if batch_frames is not None and "batch_frames" in settings:
        settings["batch_frames"] = batch_frames
    loaded = create_model(checkpoint.model, settings, initial_weights=False)
    if isinstance(loaded, Model):
        loaded.begin_stage(int(checkpoint.facts.get("stage", loaded.n_stages - 1)))
    _load(loaded, checkpoint, path)
    try:
        loaded.to(device)
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, AssertionError) as error:
        raise UserError(
            f"There is no device {device!r} here; choose cpu, or see why CUDA is not there."
        ) from error
    return loaded.eval()


def sha256(path: Path) -> str:
    """SHA-256 of a file as hexadecimal digits.

    Args:
        path: the file.

    Raises:
        UserError: it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error


def load_into(model: AnyPredictor, path: Path | str) -> Checkpoint:
    """Load a checkpoint's weights into a model that exists.

    Args:
        model: the model; it stays where it is and in its mode.
        path: the checkpoint.

    Returns:
        The checkpoint.

    Raises:
        UserError: the file does not exist, is no checkpoint, or is of another model or shape.
    """
    checkpoint = read_checkpoint(path)
    _check_model(path, checkpoint, model.name)
    _load(model, checkpoint, path)
    return checkpoint


def _check_model(path: Path | str, checkpoint: Checkpoint, expected: str | None) -> None:
    if expected is not None and checkpoint.model != expected:
        raise UserError(f"{path} is a checkpoint of {checkpoint.model}, not of {expected}.")


def _load(model: AnyPredictor, checkpoint: Checkpoint, path: Path | str) -> None:
    check_fit(
        checkpoint.weights,
        model.state_dict(),
        what=f"{path} does not fit the settings of {model.name}",
    )
    model.load_state_dict(checkpoint.weights)


def record_of(model: AnyPredictor, checkpoint: Path) -> dict[str, Any]:
    """Record of a checkpoint that was not trained here; a training adds its history.

    Args:
        model: the model.
        checkpoint: the file that was written of it.

    Returns:
        Plain values: `model`, `trained`, `parameters`, `checkpoint_sha256`, `epochs`.

    Raises:
        UserError: the file cannot be read.
    """
    return {
        "model": model.name,
        "trained": False,
        "parameters": sum(weights.numel() for weights in model.parameters()),
        "checkpoint_sha256": sha256(checkpoint),
        "epochs": [],
    }
