"""Frame scores with the facts by which they can be grouped."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FACTS = ("video", "category", "distance_m", "background", "mask_source")
GROUPS = (None, "video", "category", "leak_class")  # what summaries are made by


def with_facts(
    rows: pd.DataFrame,
    clips: pd.DataFrame,
    videos: pd.DataFrame,
    leak_classes: Mapping[str, NDArray[np.int8] | None],
    model: str,
) -> pd.DataFrame:
    """Put what is known about each frame beside its scores.

    Args:
        rows: scores with a column `clip`, as `score_clips` gives them.
        clips: the clip table.
        videos: the video table.
        leak_classes: leak class of each frame by clip, (T,) int8; None where it is unknown.
        model: name of the model that is scored.

    Returns:
        The rows with columns `model`, those of `FACTS`, and `leak_class` in front.
    """
    facts = clips.merge(videos, on="video", suffixes=("", "_of_video")).set_index("clip")
    table = rows.copy()
    table.insert(0, "model", model)
    for place, name in enumerate(FACTS, start=1):
        table.insert(place, name, facts[name].reindex(rows["clip"]).to_numpy())
    table.insert(len(FACTS) + 1, "leak_class", _leak_classes(rows, leak_classes))
    return table


def _leak_classes(
    rows: pd.DataFrame, leak_classes: Mapping[str, NDArray[np.int8] | None]
) -> "pd.Series[int]":
    column = pd.Series(pd.NA, index=rows.index, dtype="Int64")
    for clip, frames in rows.groupby("clip")["frame"]:
        known = leak_classes[str(clip)]
        if known is not None:
            column[frames.index] = known[frames.to_numpy()]
    return column
