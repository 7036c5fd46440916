"""The scores of one model, as a file keeps them that DVC compares."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from fgstp.scoring.protocols import Protocol
from fgstp.scoring.score_clip import PREDICTED_FRACTION
from fgstp.scoring.summary import ALL

FOOTAGE = {  # names of the sources of ingest, for people
    "synthetic": "synthetic plumes",
    "gasvid": "GasVid",
    "annotated": "GasVid",
    "folder": "own footage",
}
DIGITS = 6


def model_scores(
    summaries: pd.DataFrame, frame_scores: pd.DataFrame, made_of: Mapping[str, Any], source: str
) -> dict[str, Any]:
    """Put together what the scores of a model are, and of what.

    Args:
        summaries: summaries of the model, those over all rows among them.
        frame_scores: its frame scores with their facts.
        made_of: `model`, the kind of its `prompt`, and digests of its checkpoint and of the
            footage.
        source: source of ingest that the footage came from.

    Returns:
        Plain values: `made_of`, `footage`, `mask_sources`, counts, and by protocol its
        `settings`, its `threshold`, `degenerate_fraction`, which is the share of the frames on
        which nothing or everything is found at that threshold, and every metric, None where it
        is undefined. Of several trainings, metrics are means, the threshold is that of the
        first, and a protocol also has `thresholds`, one a training, and `spread`, the standard
        deviation by metric.
    """
    overall = summaries[summaries["by"] == ALL]
    clips = frame_scores.drop_duplicates("clip")
    of_frames = frame_scores.groupby("protocol")
    protocols = {
        str(name): _of_protocol(str(name), rows, of_frames.get_group(name))
        for name, rows in overall.groupby("protocol")
    }
    counts = overall.iloc[0][["n_seeds", "n_videos", "n_clips", "n_frames"]].astype(int)
    return {
        **made_of,
        "footage": FOOTAGE[source],
        "mask_sources": sorted(clips["mask_source"].unique()),
        **{str(name): int(count) for name, count in counts.items()},
        "protocols": protocols,
    }


def _of_protocol(name: str, rows: pd.DataFrame, frames: pd.DataFrame) -> dict[str, Any]:
    settings = str(rows["protocol_tuple"].iloc[0])
    scores: dict[str, Any] = {
        "settings": settings,
        "threshold": Protocol.parse(name, settings).threshold,
        "degenerate_fraction": round(float(frames[PREDICTED_FRACTION].isin([0, 1]).mean()), DIGITS),
        **_rounded(rows, "value"),
    }
    if rows["n_seeds"].iloc[0] > 1:
        scores["thresholds"] = [int(each) for each in rows["thresholds"].iloc[0].split()]
        scores["spread"] = _rounded(rows, "spread")
    return scores


def _rounded(rows: pd.DataFrame, column: str) -> dict[str, float | None]:
    """A column by metric, as JSON can keep it."""
    return {
        metric: None if np.isnan(value) else round(float(value), DIGITS)
        for metric, value in zip(rows["metric"], rows[column], strict=True)
    }
