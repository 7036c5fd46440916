"""Summaries of made-up models, with values that tests can name."""

import pandas as pd
import pytest

from fgstp.reporting.columns import HONEST_COLUMNS, PAPER_COLUMNS
from fgstp.scoring import get_protocol

METRICS = list(dict.fromkeys(column.metric for column in (*PAPER_COLUMNS, *HONEST_COLUMNS)))


@pytest.fixture
def summary():
    """Makes the summary of one model; metrics that are not given are 0.5."""

    def make(model, protocol="paper", by="all", group="all", threshold=None, **changes):
        own = get_protocol(protocol, threshold)
        facts = {"n_videos": 6, "n_clips": 24, "n_frames": 3600, "interval_over": "videos"}
        facts |= {"spread": float("nan"), "n_seeds": 1, "thresholds": str(own.threshold)}
        facts |= {name: changes.pop(name) for name in list(changes) if name in facts}
        notes = changes.pop("notes", {})
        settings = changes.pop("settings", own.tuple)
        values = dict.fromkeys(METRICS, 0.5) | changes
        return pd.DataFrame(
            [
                {
                    "model": model,
                    "protocol": protocol,
                    "protocol_tuple": settings,
                    "by": by,
                    "group": group,
                    "metric": metric,
                    "value": value,
                    "low": value - 0.1,
                    "high": value + 0.1,
                    **facts,
                    "note": notes.get(metric, ""),
                }
                for metric, value in values.items()
            ]
        )

    return make


@pytest.fixture
def summaries(summary):
    """Three models under both protocols, given in an order that is not that of the tables."""
    nan = float("nan")
    return pd.concat(
        [
            summary("fgstp", s_measure=0.9, mae=0.0201, iou_mean=0.45),
            summary(
                "fgstp",
                "operational",
                threshold=90,
                iou=0.7,
                iou_gas=0.55,
                auroc=0.95,
                false_alarm=0.125,
            ),
            summary("xmem_pp", s_measure=0.8, mae=0.0302, iou_mean=0.45),
            summary(
                "xmem_pp",
                "operational",
                threshold=128,
                iou=0.6,
                iou_gas=0.35,
                auroc=nan,
                false_alarm=0.25,
            )
            .assign(note=lambda rows: rows["metric"].map({"auroc": "undefined: all have gas"}))
            .fillna({"note": ""}),
            summary("fgstp_no_fsp", s_measure=0.7, mae=0.04, iou_mean=0.3),
            summary("fgstp_no_fsp", "operational", threshold=70, iou=0.5, false_alarm=0.5),
        ],
        ignore_index=True,
    )
