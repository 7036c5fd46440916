"""Summaries of made-up models, with values that tests can name."""

import numpy as np
import pandas as pd
import pytest

from fgstp.reporting.comparison import compare
from fgstp.reporting.costs import COLUMNS
from fgstp.reporting.tables import OPERATIONAL_COLUMNS, PAPER_COLUMNS
from fgstp.scoring import get_protocol
from fgstp.scoring.events import leak_numbers
from fgstp.scoring.leak_schedule import releases_s
from fgstp.scoring.timelines import detection_scores, joined

METRICS = list(dict.fromkeys(column.name for column in (*PAPER_COLUMNS, *OPERATIONAL_COLUMNS)))
NAN = float("nan")
TRAINING = {"diverged": False, "frame_threshold": 0.5}


@pytest.fixture(scope="session")
def summary():
    """Makes the summary of one model; metrics that are not given are 0.5."""

    def make(model, protocol="paper", by="all", group="all", threshold=None, **changes):
        own = changes.pop("settings", get_protocol(protocol, threshold))
        facts = {"n_videos": 6, "n_clips": 24, "n_frames": 3600, "interval_over": "videos"}
        facts |= {"spread": NAN, "n_seeds": 1}
        facts |= dict.fromkeys(("threshold_min", "threshold_max"), own.threshold)
        facts |= {name: changes.pop(name) for name in list(changes) if name in facts}
        notes = changes.pop("notes", {})
        values = dict.fromkeys(METRICS, 0.5) | changes
        of = {"model": model, **own.columns, "protocol": protocol, "by": by, "group": group}
        rows = [
            {**of, "metric": metric, "value": value, "low": value - 0.1, "high": value + 0.1}
            | facts
            | {"note": notes.get(metric, "")}
            for metric, value in values.items()
        ]
        return pd.DataFrame(rows)

    return make


@pytest.fixture(scope="session")
def summaries(summary):
    """Three models under both protocols, not in the order of the tables."""
    fgstp = {"iou": 0.7, "iou_gas": 0.55, "auroc": 0.95, "false_alarm": 0.125}
    xmem = {"iou": 0.6, "iou_gas": 0.35, "auroc": NAN, "false_alarm": 0.25}
    undefined = {"auroc": "undefined: all have gas"}
    return pd.concat(
        [
            summary("fgstp", s_measure=0.9, mae=0.0201, iou_mean=0.45),
            summary("fgstp", "operational", threshold=90, **fgstp),
            summary("xmem_pp", s_measure=0.8, mae=0.0302, iou_mean=0.45),
            summary("xmem_pp", "operational", threshold=128, notes=undefined, **xmem),
            summary("fgstp_no_fsp", s_measure=0.7, mae=0.04, iou_mean=0.3),
            summary("fgstp_no_fsp", "operational", threshold=70, iou=0.5, false_alarm=0.5),
        ],
        ignore_index=True,
    )


@pytest.fixture(scope="session")
def timeline():
    """Makes the timeline of one training of a model: videos with leak classes and scores."""

    def make(model, seed=None, threshold=0.5, masks="none", **videos):
        parts = [_video(name, *of_video) for name, of_video in videos.items()]
        rows = pd.concat(parts, ignore_index=True) if parts else _video("v", [None] * 3, [0.1] * 3)
        rows = rows.assign(seed=seed, threshold=threshold, mask_source=masks)
        return joined([rows], model)

    return make


def _video(name, classes, scores):
    """A frame a second."""
    times_s = np.arange(len(classes), dtype=float)
    known = classes[0] is not None
    began_s = releases_s(np.array(classes), times_s) if known else np.nan
    leak_class = pd.array([pd.NA if each is None else each for each in classes], "Int64")
    rows = {"video": name, "clip": f"{name}_0", "category": "close_clear", "frame": times_s}
    rows |= {"time_s": times_s, "duration_s": 1.0, "leak_class": leak_class, "score": scores}
    leak = leak_numbers(np.array(classes), times_s) if known else pd.NA
    return pd.DataFrame(rows | {"release_s": began_s, "leak": leak})


@pytest.fixture(scope="session")
def compared(timeline):
    """Compares the models of some summaries; by default on synthetic plumes."""

    def make(
        summaries,
        facts=None,
        footage="synthetic plumes",
        masks="synthetic",
        costs=None,
        timelines=None,
    ):
        basic = {"footage": footage, "mask_sources": [masks] * bool(masks), "footage_sha256": "x"}
        basic |= {"protocols": {}, "n_test_clips": 24, "trainings": [TRAINING]}
        models = list(dict.fromkeys([*summaries["model"], *(timelines or {})]))
        own = {model: basic | (facts or {}).get(model, {}) for model in models}
        for model, rows in (timelines or {}).items():
            own[model] = {"detection": detection_scores(rows)} | own[model]
        parts = {model: summaries[summaries["model"] == model] for model in models}
        traced = {model: timeline(model) for model in models} | (timelines or {})
        costs = pd.DataFrame(columns=COLUMNS) if costs is None else costs
        return compare(own, parts, traced, costs)

    return make


@pytest.fixture(scope="session")
def comparison(summaries, compared):
    """The comparison of the three models."""
    return compared(summaries)
