"""Folders of the trainings of a model, which differ in their random seed."""

import shutil
from collections.abc import Iterator
from pathlib import Path


def seed_folder(folder: Path, number: int) -> Path:
    """Folder of one training within that of its model.

    Args:
        folder: folder of the model, of its checkpoints or of its predictions.
        number: number of the training, from 1.
    """
    return folder / f"seed_{number}"


def seed_numbers(folder: Path) -> list[int]:
    """Numbers of the trainings that have a folder, in order."""
    return sorted(number for number, _ in _numbered(folder))


def remove_seeds_after(folder: Path, last: int) -> None:
    """Remove the folders of trainings with higher numbers."""
    for number, each in _numbered(folder):
        if number > last:
            shutil.rmtree(each, ignore_errors=True)


def _numbered(folder: Path) -> Iterator[tuple[int, Path]]:
    for each in list(folder.glob("seed_*")):
        number = each.name.removeprefix("seed_")
        if number.isdigit() and each.is_dir():
            yield int(number), each
