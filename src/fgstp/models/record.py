"""The record beside a checkpoint: of which system it is, and that it is this very file."""

from pathlib import Path
from typing import Any

from fgstp.models.checkpoint import sha256
from fgstp.models.registry import AnySystem

RECORD = "training.json"  # its name in the folder of a trained system


def record_of(system: AnySystem, checkpoint: Path) -> dict[str, Any]:
    """What is known of a checkpoint that was not trained here; a training adds how it went.

    Args:
        system: the system.
        checkpoint: the file that was written of it.

    Returns:
        Plain values: `system`, `trained`, `parameters`, `checkpoint_sha256`, `epochs`.

    Raises:
        UserError: the file cannot be read.
    """
    return {
        "system": system.name,
        "trained": False,
        "parameters": sum(weights.numel() for weights in system.network.parameters()),
        "checkpoint_sha256": sha256(checkpoint),
        "epochs": [],
    }
