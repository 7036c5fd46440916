"""Events: the table of the alarms of all models."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from fgstp.reporting import notes
from fgstp.reporting.names import ModelRow, model_rows
from fgstp.reporting.result_tables import (
    THIS_EVALUATION,
    Block,
    ResultTable,
    ranked,
    written_table,
)
from fgstp.reporting.summaries import Facts, ScoredFootage
from fgstp.reporting.tables import Column
from fgstp.scoring.bootstrap import FEWEST_VIDEOS
from fgstp.scoring.event_metrics import EVENT_METRICS
from fgstp.scoring.events import SETTLE_S

NAME, TITLE, BLOCK = "events", "Events", "events"
COLUMNS = tuple(Column(**vars(metric)) for metric in EVENT_METRICS)
COUNTS = ("n_seeds", "n_videos", "n_leaks", "n_alarms", "n_false_alarms", "leak_free_hours")
MEANING = (
    "The alarms are those of the detector at its defaults, over the maps of the model. A leak is "
    "consecutive frames of the leak classes 1 to 7, visible or not. An alarm is true if it is "
    f"raised during a leak or within {SETTLE_S:g} s after it, and false if there is none; alarms "
    "after the release count for neither."
)
OF_MEANS = "Where an end of an interval is ∞, that of some resamples is not reached."
NO_INTERVALS = f"No confidence intervals: there are fewer than {FEWEST_VIDEOS} videos."


def event_table(facts: Facts, footage: ScoredFootage) -> ResultTable | None:
    """Table of all models with a row each; None if no leak schedule is known.

    Args:
        facts: by model: the file of its scores, with `detection.events`, see `event_scores`.
        footage: the footage that was scored.
    """
    known = dict(_with_events(facts))
    if not known:
        return None
    rows = model_rows(known, {model: facts[model] for model in known})
    tidy = pd.concat([_tidy(row, known[row.model], footage) for row in rows], ignore_index=True)
    saw_all = tidy["n_leaks"] == tidy["n_leaks"].max()  # others are not ranked
    tidy = ranked(tidy, COLUMNS, saw_all)
    most = max(known.values(), key=lambda own: own["n_leaks"])
    intervals = notes.interval_notes(tidy) if most["n_videos"] >= FEWEST_VIDEOS else [NO_INTERVALS]
    intervals += [OF_MEANS] * bool(np.isinf(tidy["high"]).any())
    fewer = tidy.loc[~saw_all, "name"].unique()
    sentences = (
        f"Test footage: {footage.name}; {_seen(most)}.",
        MEANING,
        notes.label_note(COLUMNS),
        *notes.seed_notes(tidy),
        *[f"Not ranked, as they do not predict all clips: {', '.join(fewer)}."] * bool(len(fewer)),
        *notes.mark_notes(row.title() for row in rows),
        *notes.missing_notes(tidy, COLUMNS),
        *intervals,
    )
    written = written_table(f"On {footage.name}", tidy, COLUMNS, sentences)
    return ResultTable(NAME, TITLE, (Block(BLOCK, COLUMNS, tidy, written, tuple(intervals)),), ())


def _with_events(facts: Facts) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The scores of events of each model that has some."""
    for model, own in facts.items():
        if events := own.get("detection", {}).get("events"):
            yield model, events


def _seen(own: Mapping[str, Any]) -> str:
    counts = (notes.counted(own[f"n_{noun}s"], noun) for noun in ("video", "leak"))
    return f"{', '.join(counts)}, {own['leak_free_hours']:.3g} h leak-free"


def _tidy(row: ModelRow, own: Mapping[str, Any], footage: ScoredFootage) -> pd.DataFrame:
    """A row for each metric of a model, not ranked yet."""
    facts = {"table": NAME, "block": BLOCK, "model": row.model, "name": row.title()}
    facts |= {"data": footage.name, "source": THIS_EVALUATION, "interval_over": "videos"}
    shared = facts | {name: own[name] for name in COUNTS}
    rows = []
    for column in COLUMNS:
        low, high = (_number(own[end][column.name]) for end in ("low", "high"))
        rows.append(
            {
                **shared,
                "metric": column.name,
                "value": _number(own[column.name]),
                "low": low,
                "high": math.inf if math.isnan(high) and not math.isnan(low) else high,
                "spread": _number(own.get("spread", {}).get(column.name)),
                "note": own["notes"].get(column.name, ""),
            }
        )
    return pd.DataFrame(rows)


def _number(value: float | None) -> float:
    return math.nan if value is None else value
