"""Trainings of a model with other seeds, each in a folder of its own.

What a finished one was asked for is kept beside it as long as the command that wants all of
them has not ended, so that an interrupted one does not train it again.
"""

import json
from pathlib import Path
from typing import Any

from fgstp import models, training
from fgstp.core.files import code_digest, remove_file, write_text
from fgstp.models.repeats import repeat_folder
from fgstp.training.settings import TrainSettings

FINISHED = "finished.json"
Record = dict[str, Any]


def asked_for(made_with: Record, settings: TrainSettings) -> Record:
    """All that decides how a training goes: what its weights depend on, settings and code.

    Args:
        made_with: see `Job.made_with`.
        settings: how it is trained.
    """
    packages = [Path(package.__file__ or "").parent for package in (models, training)]
    how = settings.model_dump(mode="json", exclude={"seeds"})
    return {"made_with": made_with, "train": how, "code": code_digest(packages)}


def finished_repeat(folder: Path, asked: Record) -> Record | None:
    """The record of a training that an interrupted command has finished.

    Args:
        folder: of the repeat.
        asked: see `asked_for`.

    Returns:
        Its record; None if it is still to be done.
    """
    path = folder / FINISHED
    if not path.is_file():
        return None
    kept: Record = json.loads(path.read_text("utf-8"))
    record: Record = kept["record"]
    return record if kept["asked"] == asked else None


def keep_repeat(folder: Path, asked: Record, record: Record) -> None:
    """Note that a training is finished.

    Raises:
        UserError: the folder cannot be written.
    """
    write_text(folder / FINISHED, json.dumps({"asked": asked, "record": record}))


def forget_repeats(model_folder: Path) -> None:
    """Remove the notes: the command has ended, and another one trains all anew."""
    for note in repeat_folder(model_folder, 1).parent.glob(f"*/{FINISHED}"):
        remove_file(note)
