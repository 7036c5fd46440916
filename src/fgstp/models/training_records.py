"""Trainings of a model on disk: a folder with a checkpoint and a record for each."""

import json
import logging
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from fgstp.core.files import write_text
from fgstp.core.fingerprint import content_hash
from fgstp.core.records import read_record

if TYPE_CHECKING:
    from fgstp.models.base import AnyPredictor

logger = logging.getLogger(__name__)

BEST, RECORD = "best.ckpt", "training.json"  # files in the folder of a training


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


def record_of(model: "AnyPredictor", checkpoint: Path) -> dict[str, Any]:
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
