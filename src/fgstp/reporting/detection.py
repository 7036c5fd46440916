"""The table of detection: frame scores against the leak schedule, also of footage without masks."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from fgstp.reporting import notes
from fgstp.reporting.names import ModelRow, group_title, groups_in_order, model_rows
from fgstp.reporting.result_tables import (
    THIS_EVALUATION,
    Block,
    ResultTable,
    ranked,
    written_table,
)
from fgstp.reporting.summaries import Facts, ScoredFootage
from fgstp.reporting.tables import DASH, Cell, Column, Table
from fgstp.scoring.leak_schedule import DEFAULT_THRESHOLD, SCHEDULE_METRICS
from fgstp.scoring.timelines import detection_scores

NAME, TITLE, BLOCK = "detection", "Detection by the leak schedule", "schedule"
COLUMNS = tuple(Column(**vars(metric)) for metric in SCHEDULE_METRICS)
SHORT = (  # columns of the headline
    *("leak_auroc", "found_fraction", "time_to_detection_s"),
    *("false_alarm_fraction", "false_alarms_per_hour"),
)
COUNTS = ("n_seeds", "n_videos", "n_clips", "n_bare_clips", "n_frames", "n_releases")
ALARM = (
    "A frame is an alarm if its frame score reaches t, which training chose on validation clips "
    "and keeps in the checkpoint."
)
CLASSES = (
    "Frames before the release and of leak class 0 are leak-free, those of the classes 1 to 7 have "
    "a leak, visible or not; frames after the release count for neither. Duplicates that ingest "
    "dropped, which it does where there are masks, are not seen."
)
MISSING = f"{DASH}: there are no such frames or releases, or none was found."


def detection_table(facts: Facts, footage: ScoredFootage) -> ResultTable | None:
    """Table of all models with a row each; None if no leak schedule is known.

    Args:
        facts: by model: the file of its scores, with `detection`, see `detection_scores`.
        footage: the footage that was scored.
    """
    known = {model: own["detection"] for model, own in facts.items() if own.get("detection")}
    if not known:
        return None
    rows = model_rows(known, {model: facts[model] for model in known})
    tidy = pd.concat([_tidy(row, known[row.model], footage) for row in rows], ignore_index=True)
    most = max(known.values(), key=lambda own: own["n_frames"])
    saw_all = tidy["n_frames"] == tidy["n_frames"].max()  # others are not ranked
    tidy = ranked(tidy, COLUMNS, saw_all)
    written = written_table(
        f"On {footage.name}{_without(most)}",
        tidy,
        COLUMNS,
        (f"Test footage: {footage.name}; {_seen(most)}.", *_sentences(rows, facts, tidy)),
        own_thresholds=True,
    )
    return ResultTable(NAME, TITLE, (Block(BLOCK, COLUMNS, tidy, written),), ())


def _tidy(row: ModelRow, own: Mapping[str, Any], footage: ScoredFootage) -> pd.DataFrame:
    """A row for each metric of a model, not ranked yet."""
    facts = {"table": NAME, "block": BLOCK, "model": row.model, "name": row.title()}
    facts |= {"data": footage.name, "leak_free_hours": own["leak_free_hours"]}
    ends = {"threshold_min": min(own["thresholds"]), "threshold_max": max(own["thresholds"])}
    shared = facts | {"source": THIS_EVALUATION}
    shared |= {name: round(end, 3) for name, end in ends.items()}
    shared |= {name: own[name] for name in COUNTS} | dict.fromkeys(("low", "high"), math.nan)
    spread = own.get("spread", {})
    rows = [
        {
            **shared,
            "metric": column.name,
            "value": _number(own[column.name]),
            "spread": _number(spread.get(column.name)),
        }
        for column in COLUMNS
    ]
    return pd.DataFrame(rows)


def _without(own: Mapping[str, Any]) -> str:
    """Which of the clips have no masks, for the end of a title."""
    n_bare, n_clips = own["n_bare_clips"], own["n_clips"]
    some = f", {n_bare} of {notes.counted(n_clips, 'clip')} without masks"
    return ", without masks" if n_bare == n_clips else some * bool(n_bare)


def _seen(own: Mapping[str, Any]) -> str:
    counts = notes.counts(pd.DataFrame([own]))
    releases = notes.counted(own["n_releases"], "release")
    return f"{counts}{_without(own)}; {releases}, {own['leak_free_hours']:.3g} h leak-free"


def _sentences(rows: list[ModelRow], facts: Facts, tidy: pd.DataFrame) -> list[str]:
    unchosen = [
        row.title()
        for row in rows
        if any(each.get("frame_threshold") is None for each in facts[row.model]["trainings"])
    ]
    half = f"t of {', '.join(unchosen)} is {DEFAULT_THRESHOLD}, as the checkpoint holds none."
    fewer = tidy.loc[tidy["n_frames"] < tidy["n_frames"].max(), "name"].unique()
    return [
        CLASSES,
        ALARM,
        *[half] * bool(unchosen),
        notes.label_note(COLUMNS),
        *notes.seed_notes(tidy),
        *[f"Not ranked, as they do not predict all clips: {', '.join(fewer)}."] * bool(len(fewer)),
        *notes.mark_notes(row.title() for row in rows),
        *[MISSING] * bool(tidy["value"].isna().any()),
    ]


def short_table(table: ResultTable) -> Table:
    """The most important columns of a table of detection, for a terminal of 100 columns."""
    tidy = table.blocks[0].tidy
    columns = tuple(column for column in COLUMNS if column.name in SHORT)
    sentences = (*table.blocks[0].table.notes[:1], notes.label_note(columns))
    return written_table(TITLE, tidy, columns, sentences)


def detection_groups(timelines: Mapping[str, pd.DataFrame], facts: Facts, by: str) -> list[Table]:
    """Tables of the most important metrics by group: models down, groups across.

    Args:
        timelines: by model: timelines of its trainings, see `fgstp.scoring.timelines`.
        facts: by model: the file of its scores.
        by: `video` or `category`.
    """
    scores: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in model_rows(facts, facts):
        frames = timelines[row.model]
        parts = frames.groupby(frames[by].fillna("unknown"))
        found = {str(group): detection_scores(own) for group, own in parts}
        scores[row.title()] = {group: own for group, own in found.items() if own}
    groups = groups_in_order({group for own in scores.values() for group in own}, by)
    heads = (Cell("model"), *(Cell(group_title(group, by)) for group in groups))
    return [
        Table(
            f"{column.heading}, by the leak schedule",
            heads,
            tuple(
                (Cell(title), *(_cell(column, own.get(group, {})) for group in groups))
                for title, own in scores.items()
            ),
        )
        for column in COLUMNS
        if groups and column.name in SHORT
    ]


def _cell(column: Column, own: Mapping[str, Any]) -> Cell:
    value, spread = own.get(column.name), own.get("spread", {}).get(column.name)
    return Cell(column.shown(_number(value), _number(spread)))


def _number(value: float | None) -> float:
    return math.nan if value is None else value
