"""Writing weights that come with the package; see `shipped_files`."""

import json
from collections.abc import Mapping
from pathlib import Path

from fgstp.core.errors import UserError
from fgstp.core.files import atomic_path, write_text
from fgstp.core.fingerprint import content_hash
from fgstp.models.base import AnyPredictor
from fgstp.models.checkpoint import Checkpoint, load_model, read_checkpoint
from fgstp.models.exported.writing import export_model
from fgstp.models.shipped_files import CARD, GRAPH, WEIGHTS, Card
from fgstp.models.state_dicts import weights_content
from fgstp.models.training_records import BEST, best_number, read_records, seed_folder


def ship_best(folder: Path, name: str, out: Path, licence: str) -> Card:
    """Write the best training of a model by its validation score, with a card of all of them.

    Beside weights and card, its network is exported, so that it detects without torch.

    Args:
        folder: folder of the model's trainings, such as `06_models/wisp`.
        name: full name, such as `wisp-1`.
        out: folder of the files.
        licence: licence of the weights, as SPDX names it.

    Raises:
        UserError: there is no finished training, or a file cannot be written.
    """
    records = {number: each for number, each in read_records(folder).items() if each["trained"]}
    best = best_number(records)
    if best is None:
        raise UserError(f"There is no finished training in {folder}; train the model first.")
    path = seed_folder(folder, best) / BEST
    checkpoint, model = read_checkpoint(path), load_model(path)
    trainings = {number: each["scores"] for number, each in records.items()}
    card = write_shipped(model, checkpoint, name, out, licence=licence, trainings=trainings)
    export_model(model, out / f"{name}{GRAPH}")
    return card


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
        out: folder of the files.
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
