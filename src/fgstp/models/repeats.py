"""Folders of a model that is trained several times, each time with another seed."""

import shutil
from pathlib import Path


def repeat_folder(folder: Path, repeat: int) -> Path:
    """Folder of a repeat within that of a model; the first training lies in that itself.

    Args:
        folder: of the model: of its checkpoints or of its predictions.
        repeat: 0 for the first training, 1 for the next with another seed, and so on.
    """
    return folder / "repeats" / str(repeat) if repeat else folder


def remove_repeats_from(folder: Path, number: int) -> None:
    """Remove the folders of repeats that a model no longer has.

    Args:
        folder: of the model: of its checkpoints or of its predictions.
        number: the first repeat to remove.
    """
    for each in repeat_folder(folder, 1).parent.glob("*"):
        if each.name.isdigit() and int(each.name) >= number:
            shutil.rmtree(each, ignore_errors=True)
