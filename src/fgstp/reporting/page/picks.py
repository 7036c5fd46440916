"""Frames to look at, picked by their scores: the worst, the best, and false alarms."""

from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

import pandas as pd

from fgstp.reporting.frame_charts import first_training

MOST_OF_A_KIND, MOST_IN_ALL = 6, 216  # pictures


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


class Picks(NamedTuple):
    """The picked frames of a model.

    Attributes:
        worst: frames with gas of the lowest IoU.
        best: frames with gas of the highest IoU.
        false_alarms: false-alarm frames of the highest frame score.
    """

    worst: list[Pick]
    best: list[Pick]
    false_alarms: list[Pick]


def pick_frames(frames: pd.DataFrame, n_models: int) -> Picks:
    """Pick frames of the first training of a model, at most one a clip and kind.

    Among frames of one IoU the worst is that of the lowest frame score, the best that of the
    highest.

    Args:
        frames: scores of its frames under one protocol.
        n_models: number of the models that share the room on the page.
    """
    number = max(1, min(MOST_OF_A_KIND, MOST_IN_ALL // (3 * n_models)))
    own = first_training(frames)
    gas = own[own["gas"].astype(bool)].sort_values(["iou", "frame_score", "clip", "frame"])
    alarms = own[own["false_alarm"] == 1]
    alarms = alarms.sort_values(["frame_score", "false_alarm_fraction", "clip", "frame"])
    kinds = ((gas, False), (gas[::-1], False), (alarms[::-1], True))
    return Picks(*(_picked(rows, number, is_alarm=is_alarm) for rows, is_alarm in kinds))


def _picked(rows: pd.DataFrame, number: int, *, is_alarm: bool) -> list[Pick]:
    chosen = rows.drop_duplicates("clip").head(number)
    return [
        Pick(str(row["clip"]), int(row["frame"]), _told(row, is_alarm=is_alarm))
        for row in chosen.to_dict("records")
    ]


def _told(row: Mapping[Hashable, Any], *, is_alarm: bool) -> str:
    score = f"frame score {row['frame_score']:.2f}"
    if is_alarm:
        return f"{score}, {row['false_alarm_fraction']:.1%} of the frame"
    return f"IoU {row['iou']:.2f}, {score}"
