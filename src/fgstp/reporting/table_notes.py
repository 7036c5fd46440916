"""The sentences beneath a table."""

from collections.abc import Iterable

import pandas as pd

from fgstp.reporting import published
from fgstp.reporting.columns import DASH, Column
from fgstp.reporting.models import DAGGER, DOUBLE_DAGGER, MODEL_ROWS, rows_of_table
from fgstp.reporting.scored_footage import ScoredFootage
from fgstp.scoring.protocols import Protocol, without_threshold

INTERVALS = {
    "videos": "95 % intervals: bootstrap over videos.",
    "clips": "95 % intervals: bootstrap over the clips within each video, since there are fewer "
    "than 5 videos; they tell of these videos only.",
    "none": "No intervals: no video has two clips.",
}
INTERVALS_OF_MEANS = (
    "Of several trainings, the interval is that of their mean: it tells how the footage varies, "
    "and ± how the trainings do."
)
FIRST_MASK = (
    f"{DAGGER} is given the mask of the first frame with gas of each clip, and so knows too that "
    "no frame before it has gas, and that there is none in a clip whose mask is empty: false "
    "alarms, AP, AUROC and figures over all frames flatter it. The others are told nothing."
)
ORACLE = (
    f"{DOUBLE_DAGGER} is an upper bound and not ranked: it uses the ground truth of every frame at "
    "test time."
)
PUBLISHED_FIRST_MASK = (
    f"{DAGGER} was given the mask of the first frame of each clip; the others were not."
)
GIVEN_COUNTS = "The frame whose mask is given counts too."
OWN_THRESHOLD = (
    "t: the level, 0 to 255, from which a pixel counts as gas, chosen for each model on "
    "validation clips. mIoU@t and mDice@t are at t, means over frames as the protocol averages; "
    "mIoU@t gas is of the frames with gas alone."
)
SHORT_NAMES = (
    "S: structure measure. Fw: weighted F. MAE: mean absolute error. E: mean E-measure. mIoU, "
    "mDice: means over 256 thresholds."
)
SHORT_NAMES_HONEST = (
    "Fw, MAE, S, E: of the probability maps; Fw over frames with gas only. AP, AUROC: how well "
    "frames with gas are told from frames without. False alarms: on frames without gas, share "
    "of pixels predicted and share of frames with an alarm."
)


def footage_note(footage: ScoredFootage, rows: pd.DataFrame) -> str:
    """What was scored: data, masks, and how many videos, clips and frames.

    Args:
        footage: what was scored.
        rows: summaries over all frames under one protocol.
    """
    return f"Test footage: {footage.name}, {footage.masks}; {counts(rows)}."


def counts(rows: pd.DataFrame) -> str:
    """How many videos, clips and frames; all rows tell the same."""
    first = rows.iloc[0]
    parts = (("n_videos", "video"), ("n_clips", "clip"), ("n_frames", "frame"))
    return ", ".join(_counted(int(first[column]), noun) for column, noun in parts)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def protocol_note(protocol: str, rows: pd.DataFrame) -> str:
    """The protocol tuple of a block, with `t` where models or trainings have their own."""
    tuples = list(dict.fromkeys(str(each) for each in rows["protocol_tuple"]))
    thresholds = {each for several in rows["thresholds"] for each in str(several).split()}
    told = tuples[0] if len(thresholds) == 1 else without_threshold(tuples[0])
    return f"Protocol {protocol}: {told}."


def interval_notes(rows: pd.DataFrame) -> list[str]:
    """What the intervals are over."""
    over = dict.fromkeys(str(each) for each in rows["interval_over"])
    several = [INTERVALS_OF_MEANS] if (rows["n_seeds"] > 1).any() and set(over) != {"none"} else []
    return [INTERVALS[each] for each in over] + several


def training_notes(rows: pd.DataFrame, *, own_thresholds: bool = False) -> list[str]:
    """What ± means and of how many trainings; nothing where no model has several.

    Args:
        rows: with the `name` of each model, as it is written, and its `n_seeds`.
        own_thresholds: whether thresholds are shown too, of which each training has its own.
    """
    several = rows[rows["n_seeds"] > 1].drop_duplicates("name")
    if several.empty:
        return []
    numbers = zip(several["name"], several["n_seeds"], strict=True)
    told = ", ".join(f"{name} {number}" for name, number in numbers)
    note = (
        "±: mean and standard deviation over trainings that differ in their seed alone "
        f"({told}); rows without it are of one training or need none."
    )
    return [f"{note} Each training has its own t." if own_thresholds else note]


def missing_notes(rows: pd.DataFrame, columns: Iterable[Column]) -> list[str]:
    """Why values are a dash.

    Args:
        rows: tidy rows of a block.
        columns: its columns.
    """
    labels = {column.metric: column.label for column in columns}
    missing = rows[rows["value"].isna()]
    notes = []
    for reason, of_reason in missing.groupby("note", sort=False):
        metrics = ", ".join(labels[metric] for metric in dict.fromkeys(of_reason["metric"]))
        if set(of_reason["model"]) == set(rows["model"]):
            notes.append(f"{DASH} {metrics}: {reason}.")
        else:
            names = ", ".join(dict.fromkeys(str(name) for name in of_reason["name"]))
            notes.append(f"{DASH} {metrics} of {names}: {reason}.")
    return notes


def mark_notes(names: Iterable[str], protocol: Protocol | None = None) -> list[str]:
    """The footnotes of the marks that some models have.

    Args:
        names: of evaluated models, as they are written.
        protocol: whether the frame of the given mask counts; None if that is not to be said.
    """
    written = "".join(names)
    counts_too = protocol is not None and not protocol.drop_given
    dagger = f"{FIRST_MASK} {GIVEN_COUNTS}" if counts_too else FIRST_MASK
    return [note for mark, note in ((DAGGER, dagger), (DOUBLE_DAGGER, ORACLE)) if mark in written]


def published_mark_notes(names: Iterable[str]) -> list[str]:
    """The footnote of the dagger of published rows, if one has it."""
    return [PUBLISHED_FIRST_MASK] if DAGGER in "".join(names) else []


def not_evaluated_note(table: str, evaluated: Iterable[str]) -> str:
    """Which models of a table have no scores; empty if all have."""
    done = set(evaluated)
    rows = rows_of_table(table, MODEL_ROWS)
    lacking = [row.title(table) for row in rows if row.model not in done]
    return f"Not evaluated: {', '.join(lacking)}." if lacking else ""


def published_heading(footage: ScoredFootage) -> str:
    """Heading of the published block, which says whether it compares with our rows."""
    heading = f"Published, on {published.DATA}, protocol not stated by its authors"
    if footage.is_the_papers:
        return heading
    ours = f"ours are on {footage.name} with {footage.masks}"
    return f"{heading}; {ours}, so the two blocks do not compare"
