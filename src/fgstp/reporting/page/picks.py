"""Frames to look at, picked by their scores: the worst, the best, false alarms and missed ones."""

from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple

import pandas as pd

from fgstp.footage.video import AFTER_RELEASE
from fgstp.reporting.frame_charts import first_training

MOST_OF_A_KIND, MOST_IN_ALL = 6, 216  # pictures
WORST, BEST = "Worst frames with gas", "Best frames with gas"
FALSE_ALARMS, HIGHEST = "False alarms", "Highest frame scores"
Row = Mapping[Hashable, Any]


class Pick(NamedTuple):
    """A frame that was picked.

    Attributes:
        clip: id of its clip.
        frame: its number in the clip.
        told: its score, in words.
    """

    clip: str
    frame: int
    told: str


def pick_by_masks(frames: pd.DataFrame, n_models: int) -> dict[str, list[Pick]]:
    """Pick the worst and the best frames with gas, and the false alarms of the highest score.

    Among frames of one IoU the worst is that of the lowest frame score, the best that of the
    highest.

    Args:
        frames: scores of the frames of a model under one protocol.
        n_models: number of the models that share the room on the page.

    Returns:
        By heading: frames of its first training, at most one a clip.
    """
    own = first_training(frames)
    gas = own[own["gas"].astype(bool)].sort_values(["iou", "frame_score", "clip", "frame"])
    alarms = own[own["false_alarm"] == 1]
    alarms = alarms.sort_values(["frame_score", "false_alarm_fraction", "clip", "frame"])
    worst_first = {WORST: gas, BEST: gas[::-1], FALSE_ALARMS: alarms[::-1]}
    number = _most(len(worst_first), n_models)
    return {kind: _picked(rows, number, _of_masks) for kind, rows in worst_first.items()}


def pick_by_schedule(timeline: pd.DataFrame, n_models: int) -> dict[str, list[Pick]]:
    """Pick frames without masks: the worst false alarms, and those missed by leak class.

    A frame is a false alarm if it is leak-free by the schedule and its score reaches the
    threshold, and missed if it has a leak and its score does not. Where no leak class is known,
    frames of the highest scores are picked.

    Args:
        timeline: frames of a model, see `fgstp.scoring.timelines`, with `frame` as the number in
            the clip.
        n_models: number of the models that share the room on the page.

    Returns:
        By heading: frames of its first training, at most one a clip.
    """
    own = first_training(timeline).sort_values(["score", "clip", "frame"])
    known = own[own["leak_class"].notna()]
    is_alarm = known["score"] >= known["threshold"]
    is_free = known["leak_class"] <= 0
    worst_first = {FALSE_ALARMS: known[is_alarm & is_free][::-1]}
    missed = known[~is_alarm & ~is_free & (known["leak_class"] < AFTER_RELEASE)]
    for leak_class, rows in missed.groupby("leak_class"):
        worst_first[f"Missed, leak class {leak_class}"] = rows
    worst_first[HIGHEST] = own[own["leak_class"].isna()][::-1]
    number = _most(len(worst_first), n_models)
    return {kind: _picked(rows, number, _of_schedule) for kind, rows in worst_first.items()}


def _most(n_kinds: int, n_models: int) -> int:
    """Number of frames of a kind."""
    return max(1, min(MOST_OF_A_KIND, MOST_IN_ALL // (n_kinds * n_models)))


def _picked(rows: pd.DataFrame, number: int, told: Callable[[Row], str]) -> list[Pick]:
    chosen = rows.drop_duplicates("clip").head(number)
    return [
        Pick(str(row["clip"]), int(row["frame"]), told(row)) for row in chosen.to_dict("records")
    ]


def _of_masks(row: Row) -> str:
    score = f"frame score {row['frame_score']:.2f}"
    if row["gas"]:
        return f"IoU {row['iou']:.2f}, {score}"
    return f"{score}, {row['false_alarm_fraction']:.1%} of the frame"


def _of_schedule(row: Row) -> str:
    return f"frame score {row['score']:.2f}, threshold {row['threshold']:.2f}"
