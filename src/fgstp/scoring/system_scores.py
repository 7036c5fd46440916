"""The scores of one system, as a file keeps them that DVC compares."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from fgstp.scoring.protocols import Protocol
from fgstp.scoring.summary import ALL

FOOTAGE = {  # names of the sources of ingest, for people
    "synthetic": "synthetic plumes",
    "gasvid": "GasVid",
    "annotated": "GasVid",
    "folder": "own footage",
}
DIGITS = 6


def system_scores(
    summaries: pd.DataFrame, frame_scores: pd.DataFrame, made_of: Mapping[str, str], source: str
) -> dict[str, Any]:
    """Put together what the scores of a system are, and of what.

    Args:
        summaries: summaries of the system, those over all rows among them.
        frame_scores: its frame scores with their facts.
        made_of: `system`, and digests of its checkpoint and of the footage.
        source: source of ingest that the footage came from.

    Returns:
        Plain values: `made_of`, `footage`, `mask_sources`, counts, and by protocol its
        `settings`, its `threshold` and every metric, None where it is undefined.
    """
    overall = summaries[summaries["by"] == ALL]
    clips = frame_scores.drop_duplicates("clip")
    protocols = {
        str(name): _of_protocol(str(name), rows) for name, rows in overall.groupby("protocol")
    }
    counts = overall.iloc[0][["n_videos", "n_clips", "n_frames"]].astype(int)
    return {
        **made_of,
        "footage": FOOTAGE[source],
        "mask_sources": sorted(clips["mask_source"].unique()),
        **{str(name): int(count) for name, count in counts.items()},
        "protocols": protocols,
    }


def _of_protocol(name: str, rows: pd.DataFrame) -> dict[str, Any]:
    settings = str(rows["protocol_tuple"].iloc[0])
    values = zip(rows["metric"], rows["value"], strict=True)
    return {
        "settings": settings,
        "threshold": Protocol.parse(name, settings).threshold,
        **{
            metric: None if np.isnan(value) else round(float(value), DIGITS)
            for metric, value in values
        },
    }
