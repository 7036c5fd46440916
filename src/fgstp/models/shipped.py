"""Weights that come with the package: `<name>.safetensors` beside a card `<name>.json`."""

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load

from fgstp.core.errors import UserError
from fgstp.core.files import atomic_path, write_text
from fgstp.core.fingerprint import content_hash
from fgstp.models.base import AnyPredictor
from fgstp.models.checkpoint import (
    BEST,
    Checkpoint,
    load_model,
    read_checkpoint,
    read_records,
    seed_folder,
)
from fgstp.models.state_dicts import weights_content

WEIGHTS, CARD = ".safetensors", ".json"


class Card(BaseModel):
    """What is known of shipped weights.

    Attributes:
        name: their name, such as `wisp-1`.
        model: name of the model.
        settings: its settings.
        licence: licence of the weights.
        sha256: SHA-256 of the file of the weights.
        trainings: validation scores of all seeds by number; the best one is shipped.
        facts: what its training recorded, such as the threshold of frame scores.
        versions: versions of Python and packages.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    model: str
    settings: dict[str, Any]
    licence: str
    sha256: str
    trainings: dict[int, dict[str, float]]
    facts: dict[str, Any]
    versions: dict[str, str]


def folder() -> Path:
    """Folder of the shipped weights in the installed package."""
    return Path(str(files("fgstp"))) / "weights"


def list_shipped() -> list[str]:
    """Names of all shipped weights, such as `wisp-1`, sorted.

    Example:
        >>> from fgstp.models.shipped import list_shipped
        >>> isinstance(list_shipped(), list)
        True
    """
    return sorted(path.stem for path in folder().glob(f"*{CARD}"))


def find_shipped(name: str) -> str | None:
    """Full name of shipped weights: `wisp-1` for itself and, as the newest, for `wisp`.

    None if there are no such weights, or a file of that name, which comes first.
    """
    if Path(name).exists():
        return None
    every = list_shipped()
    versions = [each for each in every if each.rpartition("-")[0] == name]
    newest = max(versions, key=lambda each: int(each.rpartition("-")[2]), default=None)
    return name if name in every else newest


def weights_file(path: Path) -> Path:
    """The file of the shipped weights of this name, or the path itself if there are none."""
    name = find_shipped(str(path))
    return folder() / f"{name}{WEIGHTS}" if name else path


def read_card(name: str) -> Card:
    """Read the card of shipped weights; a `UserError` if it cannot be read."""
    path = folder() / f"{name}{CARD}"
    try:
        return Card.model_validate_json(path.read_text("utf-8"))
    except (OSError, ValidationError) as error:
        raise UserError(f"{path} cannot be read; install the package again.") from error


def read_shipped(name: str) -> Checkpoint:
    """Read shipped weights by their full name.

    Raises:
        UserError: a file is missing or damaged.
    """
    card, path = read_card(name), folder() / f"{name}{WEIGHTS}"
    try:
        content = path.read_bytes()
        weights = load(content)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path} cannot be read; install the package again.") from error
    if content_hash([path]) != card.sha256:
        raise UserError(f"{path} is not the file of its card; install the package again.")
    return Checkpoint(card.model, card.settings, weights, card.versions, card.facts)


def ship_best(folder: Path, name: str, out: Path, licence: str) -> Card:
    """Write the best training of a model by its validation score, with a card of all of them.

    Args:
        folder: folder of the model's trainings, such as `06_models/wisp`.
        name: full name, such as `wisp-1`.
        out: folder of the two files.
        licence: licence of the weights, as SPDX names it.

    Raises:
        UserError: there is no finished training, or a file cannot be written.
    """
    records = {number: each for number, each in read_records(folder).items() if each["trained"]}
    if not records:
        raise UserError(f"There is no finished training in {folder}; train the model first.")
    best = max(records, key=lambda number: records[number]["scores"][records[number]["monitor"]])
    path = seed_folder(folder, best) / BEST
    checkpoint, model = read_checkpoint(path), load_model(path)
    trainings = {number: each["scores"] for number, each in records.items()}
    return write_shipped(model, checkpoint, name, out, licence=licence, trainings=trainings)


def write_shipped(
    model: AnyPredictor,
    checkpoint: Checkpoint,
    name: str,
    out: Path,
    *,
    licence: str,
    trainings: Mapping[int, Mapping[str, float]],
) -> Card:
    """Write weights and card, for the package or for anybody.

    Args:
        model: the model.
        checkpoint: where its weights come from.
        name: full name, such as `wisp-1`.
        out: folder of the two files.
        licence: see `Card`.
        trainings: see `Card`.

    Raises:
        UserError: a file cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{name}{WEIGHTS}"
    with atomic_path(path) as temporary:
        temporary.write_bytes(weights_content(model.state_dict()))
    card = Card(
        name=name,
        model=model.name,
        settings=model.settings.model_dump(mode="json"),
        licence=licence,
        sha256=content_hash([path]),
        trainings={number: dict(scores) for number, scores in trainings.items()},
        facts=checkpoint.facts,
        versions=checkpoint.versions,
    )
    write_text(out / f"{name}{CARD}", json.dumps(card.model_dump(mode="json"), indent=1) + "\n")
    return card
