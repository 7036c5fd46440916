"""Checkpoints: trained models on disk."""

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch

from fgstp import __version__
from fgstp.core.errors import UserError
from fgstp.core.files import atomic_path
from fgstp.models.base import AnyPredictor, Model
from fgstp.models.registry import create_model
from fgstp.models.shipped_files import is_shipped
from fgstp.models.state_dicts import Weights, check_fit, check_values, read_object

FORMAT = "fgstp checkpoint 2"
THRESHOLD = "frame_threshold"  # among the facts
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
