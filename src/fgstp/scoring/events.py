"""Alarms against leaks: which leaks were found, when, and which alarms were false.

A leak is consecutive frames of the leak classes 1 to 7, seen or not. It goes on for `SETTLE_S`
after its end, while its gas drifts away. An alarm is true if it is raised during a leak, false if
it is raised while there is none, and neither where nobody knows: after the release (class 8). So
an alarm that is on before a leak is false however long it lasts, and finds nothing.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fgstp.footage.video import AFTER_RELEASE
from fgstp.plumes.schedule import LEAK_RATES_G_PER_H

Floats = NDArray[np.float64]
SETTLE_S = 10.0  # for which gas may be seen after a leak
BLOCK_S = 30.0  # leak-free time in which the evidence counts once
ROUNDING_S = 1e-3  # of times in tables of events
TRUE, FALSE, UNKNOWN = "true", "false", "unknown"  # verdicts


@dataclass(frozen=True, eq=False)
class Trials:
    """What one training did on continuous footage of known leaks.

    Attributes:
        videos: names of V videos.
        leaks: a row for each leak: `video` (its number), `found`, whether a true alarm was on;
            `delay_s` from the beginning of the leak to its first alarm, infinite if it was not
            found, NaN if it began unseen or while the alarm of an earlier leak was on; `evidence`,
            the highest that was held.
        steps: the same `video` and `found` for each leak class of a leak, with its
            `rate_g_per_h` and `distance_m`.
        alarms: a row for each alarm: `video` and `verdict`: `true`, `false` or `unknown`.
        free: a row for each stretch of at most `BLOCK_S` without a leak: `video`, `hours`, and
            `evidence`, what was gained in it: an alarm at any lower threshold of evidence.
    """

    videos: NDArray[np.str_]
    leaks: pd.DataFrame
    steps: pd.DataFrame
    alarms: pd.DataFrame
    free: pd.DataFrame


def leak_numbers(leak_class: NDArray[np.integer], times_s: Floats) -> NDArray[np.int64]:
    """Number of the leak that each frame of a video belongs to, from 1; 0 for none.

    Args:
        leak_class: (T,) leak classes of all frames of the video.
        times_s: (T,) their times in seconds.

    Returns:
        (T,) int64; frames of the first `SETTLE_S` after a leak belong to it.
    """
    shows = (leak_class > 0) & (leak_class < AFTER_RELEASE)
    number = (shows & ~np.concatenate([[False], shows[:-1]])).cumsum()
    last_s = np.maximum.accumulate(np.where(shows, times_s, -np.inf))
    return np.where(times_s - last_s <= SETTLE_S, number, 0)


def trials(timeline: pd.DataFrame, events: pd.DataFrame) -> Trials:
    """Match the alarms of one training with the leaks.

    Args:
        timeline: its frames, see `fgstp.scoring.timelines`; of some the leak class is known.
        events: its alarms, with `video`, `alarm_s` and `end_s`.
    """
    frames = timeline[timeline["leak_class"].notna()].sort_values(["video", "frame"])
    codes, videos = pd.factorize(frames["video"], sort=True)
    frames = frames.assign(name=frames["video"], video=codes)
    frames = frames.astype({"leak_class": "int64", "leak": "int64"})
    alarms = _judged(frames, events)
    frames["found"] = _is_on(frames, alarms[alarms["verdict"] == TRUE])
    of_leak = _of_leaks(frames)
    return Trials(
        videos.to_numpy(np.str_), _leaks(of_leak, alarms), _steps(of_leak), alarms, _free(frames)
    )


def _judged(frames: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """Alarms with the number of the video, the leak in which each was raised, and a verdict."""
    when = frames[["name", "time_s", "leak", "leak_class", "video"]].sort_values("time_s")
    raised = pd.merge_asof(
        events[["video", "alarm_s", "end_s"]]
        .rename(columns={"video": "name"})
        .sort_values("alarm_s"),
        when.astype({"name": events["video"].dtype}),
        left_on="alarm_s",
        right_on="time_s",
        by="name",
        direction="nearest",
    ).dropna(subset="video")  # of its video no leak class is known
    is_free = raised["leak_class"] < AFTER_RELEASE
    raised["verdict"] = np.select([raised["leak"] > 0, is_free], [TRUE, FALSE], UNKNOWN)
    return raised.astype({"video": np.intp, "leak": np.int64})


def _is_on(frames: pd.DataFrame, alarms: pd.DataFrame) -> NDArray[np.bool_]:
    """(N,): whether an alarm is on in each frame."""
    video, time_s = frames["video"].to_numpy(), frames["time_s"].to_numpy(np.float64)
    on = np.zeros(len(frames), bool)
    until_s = alarms[["alarm_s", "end_s"]].max(axis=1)
    for own, begin, end in zip(alarms["video"], alarms["alarm_s"], until_s, strict=True):
        is_during = (time_s >= begin - ROUNDING_S) & (time_s <= end + ROUNDING_S)
        on |= (video == own) & is_during
    return on


def _of_leaks(frames: pd.DataFrame) -> pd.DataFrame:
    """Frames of leaks; those after the end have the last class that was seen, or are left out."""
    own = frames[frames["leak"] > 0]
    classes = own["leak_class"].where(own["leak_class"].between(1, AFTER_RELEASE - 1))
    classes = classes.groupby([own["video"], own["leak"]]).ffill()
    return own.assign(leak_class=classes).dropna(subset="leak_class")


def _leaks(of_leak: pd.DataFrame, alarms: pd.DataFrame) -> pd.DataFrame:
    by_leak = of_leak.groupby(["video", "leak"])
    leaks = by_leak.agg(
        start_s=("release_s", "first"), found=("found", "any"), evidence=("evidence", "max")
    )
    first_s = alarms[alarms["verdict"] == TRUE].groupby(["video", "leak"])["alarm_s"].min()
    leaks["delay_s"] = first_s.reindex(leaks.index) - leaks["start_s"]
    missed = ~leaks["found"] & leaks["start_s"].notna()
    leaks.loc[missed, "delay_s"] = np.inf
    return leaks.reset_index()


def _steps(of_leak: pd.DataFrame) -> pd.DataFrame:
    """A row for each class of a leak."""
    by_step = of_leak.groupby(["video", "leak", "leak_class"])
    steps = by_step.agg(found=("found", "any"), distance_m=("distance_m", "first")).reset_index()
    rates = np.array(LEAK_RATES_G_PER_H)
    return steps.assign(rate_g_per_h=rates[steps["leak_class"].to_numpy(np.intp)])


def _free(frames: pd.DataFrame) -> pd.DataFrame:
    is_free = (frames["leak"] == 0) & (frames["leak_class"] < AFTER_RELEASE)
    begins = (is_free != is_free.shift()) | (frames["video"] != frames["video"].shift())
    free = frames.assign(run=begins.cumsum())[is_free]
    by_run = free.groupby("run")
    since_s = free["time_s"] - by_run["time_s"].transform("first")
    free = free.assign(
        block=(since_s / BLOCK_S).astype(np.int64),
        hours=free["duration_s"] / 3600,
        evidence=free["evidence"] - by_run["evidence"].cummin(),
    )
    blocks = free.groupby(["run", "block"])
    return blocks.agg(
        video=("video", "first"), hours=("hours", "sum"), evidence=("evidence", "max")
    ).reset_index(drop=True)
