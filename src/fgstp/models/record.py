"""The record beside a checkpoint: of which model it is, and that it is this very file."""

from pathlib import Path
from typing import Any

from fgstp.models.checkpoint import sha256
from fgstp.models.registry import AnyModel

RECORD = "training.json"  # its name in the folder of a trained model


def record_of(model: AnyModel, checkpoint: Path) -> dict[str, Any]:
    """What is known of a checkpoint that was not trained here; a training adds how it went.

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
        "parameters": sum(weights.numel() for weights in model.network.parameters()),
        "checkpoint_sha256": sha256(checkpoint),
        "epochs": [],
    }
