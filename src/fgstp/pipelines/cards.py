"""Cards of checkpoints, as files of the run and as texts: what each is, and how well it did."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fgstp.inference.trainings import scored_records
from fgstp.models.checkpoint import read_checkpoint
from fgstp.models.registry import model_info
from fgstp.models.training_records import BEST, read_records, seed_folder
from fgstp.pipelines.tracking import CURRENT, log_texts
from fgstp.scoring.results import KEY_SCORES


def log_cards(folder: Path, scores: Mapping[str, Any] | None = None) -> dict[int, dict[str, Any]]:
    """Log a card of each training of a model, if there is a run.

    Args:
        folder: folder of the model, with a folder `seed_<k>` for each training.
        scores: what evaluation found, see `fgstp.scoring.results.model_scores`; only its
            trainings get cards then.

    Returns:
        The cards by number of the training; none without a run.
    """
    if CURRENT.get() is None:
        return {}
    cards: dict[int, dict[str, Any]] = {}
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
        cards[number] = card
    return cards


def description(card: Mapping[str, Any]) -> str:
    """A card as Markdown, for people: what the model is, what it takes and gives, its scores."""
    info = model_info(card["model"])
    paper = f" ({info.paper})" if info.paper else ""
    lines = [
        f"**{info.title}**{paper}, {card['parameters']:,} parameters, training seed "
        f"{card['seed']}, epoch {card['epoch']}.",
        "",
        "Input: a column `path` of videos, or of folders of pictures. Output: a table of events, "
        "as `fgstp detect` writes it at its defaults; its threshold is not calibrated to a site.",
        "",
        f"Validation: {_listed(card['validation'])}.",
    ]
    test = card.get("test", {})
    for name in sorted(set(test) - {"footage", "n_trainings"}):
        mean = f", mean of {n} trainings" if (n := test["n_trainings"]) > 1 else ""
        shown = {key: test[name][key] for key in KEY_SCORES.get(name, {}).values()}
        lines += ["", f"Test on {test['footage']}, protocol `{name}`{mean}: {_listed(shown)}."]
    lines += ["", f"Checkpoint SHA-256: `{card['checkpoint_sha256']}`."]
    return "\n".join(lines)


def _listed(scores: Mapping[str, float | None]) -> str:
    known = {name: value for name, value in scores.items() if value is not None}
    return ", ".join(f"{name} {value:.3f}" for name, value in known.items())


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
