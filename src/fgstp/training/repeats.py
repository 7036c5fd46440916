"""Trainings of a system with other seeds, each in a folder of its own."""

import json
from pathlib import Path
from typing import Any

from fgstp.files import write_text
from fgstp.models.checkpoint import BEST, read_checkpoint, sha256
from fgstp.models.record import RECORD


def finished_repeat(folder: Path, made_with: dict[str, Any]) -> dict[str, Any] | None:
    """The record of a training that was finished before, with the same settings and clips.

    Args:
        folder: of the repeat.
        made_with: on what its weights depend; see `Job.made_with`.

    Returns:
        Its record; None if it is still to be done.

    Raises:
        UserError: its checkpoint is damaged.
    """
    checkpoint, record = folder / BEST, folder / RECORD
    if not (checkpoint.is_file() and record.is_file()):
        return None
    found: dict[str, Any] = json.loads(record.read_text("utf-8"))
    same_file = found.get("checkpoint_sha256") == sha256(checkpoint)
    same_making = read_checkpoint(checkpoint).facts.get("made_with") == made_with
    return found if same_file and same_making else None


def keep_repeat(folder: Path, record: dict[str, Any]) -> None:
    """Write the record of a finished training beside its checkpoint.

    Raises:
        UserError: it cannot be written.
    """
    write_text(folder / RECORD, json.dumps(record, indent=1))
