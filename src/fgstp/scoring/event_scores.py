"""Scores of the alarms of a model, with intervals over videos."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fgstp.core.rates import CONFIDENCE
from fgstp.scoring.bootstrap import draw
from fgstp.scoring.event_metrics import EVENT_METRICS, leak_free_hours, n_false_alarms
from fgstp.scoring.events import Trials, trials
from fgstp.scoring.summary import SEED

Floats = NDArray[np.float64]
DIGITS = 6
# A bootstrap of a count that is often zero tells less than the bound does.
WITHOUT_INTERVAL = {"false_alarms_per_hour", "false_alarms_per_hour_bound"}
NO_LEAK, NO_BEGINNING, NO_FREE = "no leak", "no leak that begins", "no leak-free footage"
# Why a value is missing: what the footage lacks, or what is not reached.
MISSING = {
    "event_recall": (NO_LEAK, ""),
    "event_precision": ("no alarm that could be true or false", ""),
    "detection_time_s": (NO_BEGINNING, "less than half of the leaks are found"),
    "detection_time_90_s": (NO_BEGINNING, "less than 90 % of the leaks are found"),
    "false_alarms_per_hour": (NO_FREE, ""),
    "false_alarms_per_hour_bound": (NO_FREE, ""),
    "rate_at_90_g_per_h": (NO_LEAK, "90 % are not reached at the highest leak rate"),
    "error_curve_area": (f"{NO_LEAK}, or {NO_FREE}", ""),
}


def of_trainings(timelines: pd.DataFrame, events: pd.DataFrame) -> list[Trials]:
    """Trials of each training of a model; empty if no leak class is known.

    Args:
        timelines: frames of its trainings, see `fgstp.scoring.timelines.joined`.
        events: their alarms, with the same column `seed`.
    """
    known = timelines[timelines["leak_class"].notna()]
    return [
        trials(own, events[events[SEED].isna() if pd.isna(seed) else events[SEED] == seed])
        for seed, own in known.groupby(SEED, dropna=False)
    ]


def event_scores(
    timelines: pd.DataFrame, events: pd.DataFrame, *, n_resamples: int, seed: int
) -> dict[str, Any]:
    """Scores of the alarms of a model, with 95 % intervals by a bootstrap over videos.

    Args:
        timelines: as for `of_trainings`.
        events: likewise.
        n_resamples: number of resamples; there are none for fewer than five videos.
        seed: random seed.

    Returns:
        Plain values: `n_seeds`; of the first training `n_videos`, `n_leaks`, `n_alarms`,
        `n_false_alarms` and `leak_free_hours`; all of `EVENT_METRICS`, None where undefined or
        infinite; and by metric `low` and `high`, `notes`, why a value is missing, and, for several
        trainings, whose means the values are, `spread`, the standard deviations. Empty if no leak
        class is known.
    """
    every = of_trainings(timelines, events)
    if not every:
        return {}
    first = every[0]
    n_videos = first.videos.size
    values = _values(every, np.ones((1, n_videos)))[:, 0]  # (trainings, metrics)
    low, high = _intervals(every, n_resamples, np.random.default_rng(seed))
    scores: dict[str, Any] = {
        "n_seeds": len(every),
        "n_videos": n_videos,
        "n_leaks": len(first.leaks),
        "n_alarms": len(first.alarms),
        "n_false_alarms": int(n_false_alarms(first).sum()),
        "leak_free_hours": round(float(leak_free_hours(first).sum()), DIGITS),
        **_by_metric(values.mean(axis=0)),
        "low": _by_metric(low),
        "high": _by_metric(high),
        "notes": dict(_notes(values.mean(axis=0))),
    }
    if len(every) > 1:
        with np.errstate(invalid="ignore"):
            scores["spread"] = _by_metric(values.std(axis=0, ddof=1))
    return scores


def _values(every: Sequence[Trials], weights: Floats) -> Floats:
    """(trainings, R, M): each metric of each training in each resample."""
    return np.array(
        [np.transpose([metric.function(own, weights) for metric in EVENT_METRICS]) for own in every]
    )


def _intervals(
    every: Sequence[Trials], n_resamples: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Ends of the interval of each metric, (M,): NaN without one, and infinite where it is open."""
    drawn = draw(np.arange(every[0].videos.size), n_resamples, rng)
    if drawn.over == "none":
        nothing = np.full(len(EVENT_METRICS), np.nan)
        return nothing, nothing
    varied = _values(every, drawn.video_weight).mean(axis=0)
    varied[:, [metric.name in WITHOUT_INTERVAL for metric in EVENT_METRICS]] = np.nan
    tail = (1 - CONFIDENCE) / 2
    ends = [_quantiles(column[~np.isnan(column)], [tail, 1 - tail]) for column in varied.T]
    low, high = np.transpose(ends)
    return low, high


def _quantiles(values: Floats, levels: list[float]) -> Floats:
    """Values that occur, since nothing lies between a number and infinity; NaN of none."""
    if not values.size:
        return np.full(len(levels), np.nan)
    return np.asarray(np.quantile(values, levels, method="inverted_cdf"))


def _notes(values: Floats) -> Iterator[tuple[str, str]]:
    for metric, value in zip(EVENT_METRICS, values, strict=True):
        lacks, not_reached = MISSING[metric.name]
        if not np.isfinite(value):
            yield metric.name, lacks if np.isnan(value) else not_reached


def _by_metric(values: Floats) -> dict[str, float | None]:
    """Values by metric, without NaN and infinity for JSON."""
    return {
        metric.name: round(float(value), DIGITS) if np.isfinite(value) else None
        for metric, value in zip(EVENT_METRICS, values, strict=True)
    }
