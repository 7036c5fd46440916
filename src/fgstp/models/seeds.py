"""Trainings of a model, which differ in their random seed: a folder each, with a record."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fgstp.core.errors import UserError
from fgstp.core.files import write_text

RECORD = "training.json"  # its name in the folder of a training


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


def write_record(folder: Path, record: Mapping[str, Any]) -> None:
    """Write the record of a training into its folder.

    Raises:
        UserError: the folder cannot be written.
    """
    write_text(folder / RECORD, json.dumps(record, indent=1) + "\n")


def read_records(folder: Path) -> dict[int, dict[str, Any]]:
    """Records of the trainings of a model that have come to an end, by number, in order.

    Args:
        folder: folder of the model.

    Raises:
        UserError: a record cannot be read.
    """
    paths = {number: seed_folder(folder, number) / RECORD for number in seed_numbers(folder)}
    records = {}
    for number, path in paths.items():
        if path.is_file():
            try:
                records[number] = json.loads(path.read_text("utf-8"))
            except (OSError, ValueError) as error:
                raise UserError(
                    f"{path} cannot be read ({error}); train the model again with "
                    f"`kedro run --pipelines=train --params=model={folder.name}`."
                ) from error
    return records


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
