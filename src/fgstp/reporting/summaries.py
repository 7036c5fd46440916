"""The summaries of all models: checked, and cut into what a table shows."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from fgstp.core.errors import UserError
from fgstp.scoring.protocols import HONEST, PAPER, PROTOCOLS, Protocol, without_threshold
from fgstp.scoring.summary import ALL

COLUMNS = (
    "model",
    "protocol",
    "protocol_tuple",
    "by",
    "group",
    "metric",
    "value",
    "low",
    "high",
    "spread",
    "n_seeds",
    "thresholds",
    "interval_over",
    "n_videos",
    "n_clips",
    "n_frames",
    "note",
)
DIVERGED_NOTE = "a training of it diverged, so that it counts as failed, as in the paper"
DASHED = frozenset({"mg"})  # the model of which the paper says that it fails
DEGENERATE_ABOVE = 0.95
AGAIN = "evaluate all models again, on the same clips and with the same settings"


def check_summaries(summaries: pd.DataFrame) -> None:
    """See that the summaries are whole and their models comparable.

    Args:
        summaries: `fgstp.scoring.summarise` of each model's scores, one below the other,
            by nothing and by any groups, with the name of the `model` in each row.

    Raises:
        UserError: a column is missing, there are no rows, a model lacks a protocol, or two
            models were not scored on the same frames under the same settings.
    """
    missing = [name for name in COLUMNS if name not in summaries]
    if missing:
        raise UserError(
            f"The summaries of the scores lack the columns {', '.join(missing)}: {AGAIN}."
        )
    overall = summaries[summaries["by"] == ALL]
    if overall.empty:
        raise UserError("There are no scores to report: evaluate a model first.")
    models = set(overall["model"])
    for name, rows in overall.groupby("protocol"):
        if lacking := sorted(models - set(rows["model"])):
            raise UserError(
                f"There are no scores of {', '.join(lacking)} under the protocol {name}: {AGAIN}."
            )
        _check_alike(str(name), rows)


def _check_alike(protocol: str, rows: pd.DataFrame) -> None:
    """All models must have the same frames, and the same settings but for the threshold."""
    facts = {
        model: (without_threshold(str(row["protocol_tuple"])), int(row["n_frames"]))
        for model, row in rows.drop_duplicates("model").set_index("model").iterrows()
    }
    first, *others = facts
    for other in others:
        if facts[other] != facts[first]:
            told = " and ".join(
                f"{model} on {facts[model][1]} frames [{facts[model][0]}]"
                for model in (first, other)
            )
            raise UserError(f"Under the protocol {protocol}, {told} do not compare: {AGAIN}.")


def with_facts(summaries: pd.DataFrame, facts: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Put beside the summaries what is known of their models.

    A model of `DASHED` has no figures if a training of it diverged, nor under a protocol under
    which nearly all that it predicts is empty or full.

    Args:
        summaries: of all models.
        facts: by model, its scores: what it `needs`, its `label`, how many trainings
            `diverged`, and by protocol its `degenerate_fraction`.

    Returns:
        The summaries with columns `needs` and `label`, empty where that is unknown.
    """
    told = summaries.copy()
    for fact in ("needs", "label"):
        told[fact] = told["model"].map({name: known.get(fact) for name, known in facts.items()})
    for model in DASHED.intersection(facts):
        for protocol, known in facts[model]["protocols"].items():
            n_diverged = int(facts[model].get("diverged", 0))
            why = _why_dashed(n_diverged, known.get("degenerate_fraction", 0.0))
            if why:
                rows = (told["model"] == model) & (told["protocol"] == protocol)
                told.loc[rows, ["value", "low", "high", "spread"]] = math.nan
                told.loc[rows, "note"] = why
    return told


def _why_dashed(n_diverged: int, degenerate_fraction: float) -> str | None:
    if n_diverged:
        return DIVERGED_NOTE
    if degenerate_fraction > DEGENERATE_ABOVE:
        return degenerate_note(degenerate_fraction)
    return None


def degenerate_note(share: float) -> str:
    """Why a model has no figures that finds nothing or everything.

    Args:
        share: of the frames whose prediction is empty or full.
    """
    return (
        f"everything or nothing is found on {100 * share:.1f} % of the frames, and above "
        f"{100 * DEGENERATE_ABOVE:g} % the model counts as failed, as in the paper"
    )


def protocol_names(summaries: pd.DataFrame) -> list[str]:
    """The protocols that there are scores under: paper, operational, then the others."""
    found = list(dict.fromkeys(summaries["protocol"]))
    order = list(dict.fromkeys((PAPER.name, HONEST.name, *PROTOCOLS, *found)))
    return sorted(found, key=order.index)


def scores(summaries: pd.DataFrame, protocol: str, by: str = ALL) -> pd.DataFrame:
    """The rows of one protocol and one grouping."""
    return summaries[(summaries["protocol"] == protocol) & (summaries["by"] == by)]


def protocol_of(row: pd.Series) -> Protocol:
    """The protocol that a row was scored under."""
    return Protocol.parse(str(row["protocol"]), str(row["protocol_tuple"]))


def thresholds_shown(thresholds: str) -> str:
    """Thresholds as a table writes them: one, or from the lowest to the highest.

    Args:
        thresholds: of each training, such as `90 131 128`.
    """
    found = sorted({int(each) for each in thresholds.split()})
    return str(found[0]) if len(found) == 1 else f"{found[0]}–{found[-1]}"
