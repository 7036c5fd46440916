"""Cards of checkpoints, as files of the run: what each is, and how well it did."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fgstp.inference.trainings import scored_records
from fgstp.models.checkpoint import BEST, read_checkpoint, read_records, seed_folder
from fgstp.pipelines.tracking import CURRENT, log_texts


def log_cards(folder: Path, scores: Mapping[str, Any] | None = None) -> None:
    """Log a card of each training of a model, if there is a run.

    Args:
        folder: folder of the model, with a folder `seed_<k>` for each training.
        scores: what evaluation found, see `fgstp.scoring.results.model_scores`; only its
            trainings get cards then.
    """
    if CURRENT.get() is None:
        return
    records = scored_records(folder, scores) if scores else read_records(folder)
    for place, (number, record) in enumerate(records.items()):
        path = Path(record.get("checkpoint", seed_folder(folder, number) / BEST))
        card = _card(path, record)
        if scores:
            card["test"] = {"footage": scores["footage"], "n_trainings": len(records)}
            card["test"] |= {
                name: _own_threshold(found, place) for name, found in scores["protocols"].items()
            }
        log_texts({f"checkpoints/seed_{number}.json": json.dumps(card, indent=1) + "\n"})


def _card(path: Path, record: Mapping[str, Any]) -> dict[str, Any]:
    checkpoint = read_checkpoint(path)
    return {
        "model": checkpoint.model,
        "checkpoint": path.as_posix(),
        "checkpoint_sha256": record["checkpoint_sha256"],
        "fingerprint": checkpoint.facts.get("fingerprint"),  # of all on which the weights depend
        "parameters": record["parameters"],
        "seed": record.get("seed"),
        "epoch": record.get("epoch"),
        "validation": record.get("scores", {}),
        "settings": checkpoint.settings,
        "versions": checkpoint.versions,
    }


def _own_threshold(found: Mapping[str, Any], place: int) -> dict[str, Any]:
    """Scores under a protocol, which are means over trainings, with the threshold of one."""
    thresholds = found.get("thresholds") or [found["threshold"]]
    left = {name: value for name, value in found.items() if name != "thresholds"}
    return left | {"threshold": thresholds[place]}
