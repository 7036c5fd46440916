"""Timelines: the frame scores of test videos over time, and their summary by the leak schedule."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fgstp.footage.clip_table import ClipRow, by_video
from fgstp.footage.video_store import VideoStore
from fgstp.scoring.events import leak_numbers
from fgstp.scoring.leak_schedule import (
    DEFAULT_THRESHOLD,
    SCHEDULE_METRICS,
    ScheduledFrames,
    releases_s,
)
from fgstp.scoring.summary import SEED

DIGITS = 6
LONGEST_S = 1.0  # that a frame stands for, where the rate is higher
COLUMNS = {
    **dict.fromkeys(("model", "video", "clip", "category", "mask_source"), "str"),
    SEED: "Int64",
    "frame": "int64",
    **dict.fromkeys(("distance_m", "time_s", "duration_s"), "float64"),
    **dict.fromkeys(("leak_class", "leak"), "Int64"),
    **dict.fromkeys(("release_s", "score", "threshold", "evidence"), "float64"),
}


def timeline(
    clips: Sequence[ClipRow],
    store: VideoStore,
    videos: pd.DataFrame,
    scores: Mapping[str, NDArray[np.float32]],
    evidence: Mapping[str, NDArray[np.float64]],
) -> pd.DataFrame:
    """Frame scores of one training over time.

    Args:
        clips: the clips that were predicted.
        store: the videos.
        videos: the video table.
        scores: by clip: the scores of its frames, (T,).
        evidence: by clip: the highest evidence of gas in its frames, (T,).

    Returns:
        A row for each frame, by video and time: `video`, `clip`, `category`, `distance_m`,
        `mask_source` of the clip; `frame`, its number in the video, `time_s`, `duration_s`;
        `leak_class`, missing where the schedule is unknown, `release_s`, see `releases_s`, and
        `leak`, see `leak_numbers`; `score` and `evidence`.
    """
    facts = videos.set_index("video")
    parts = []
    for video, own in by_video(clips).items():
        whole = _schedule(store, video)
        whole["duration_s"] = durations_s(whole["time_s"].to_numpy(), facts["fps_hz"][video])
        whole["category"] = facts["category"][video]
        whole["distance_m"] = facts["distance_m"][video]
        for clip in own:
            frames = whole.iloc[clip.first_frame : clip.first_frame + clip.n_frames]
            frames = frames.assign(score=scores[clip.name], evidence=evidence[clip.name])
            facts_of_clip = {"clip": clip.name, "mask_source": clip.mask_source}
            parts.append(frames.assign(video=video, **facts_of_clip))
    return pd.concat(parts, ignore_index=True)


def durations_s(times_s: NDArray[np.float64], fps_hz: float) -> NDArray[np.float64]:
    """How long each frame lasts: until the next one, but no longer than a second or 1 / `fps_hz`.

    Longer gaps are not seen. The last frame lasts 1 / `fps_hz`.

    Args:
        times_s: (T,) rising times of all frames of a video.
        fps_hz: frame rate: the inverse of the duration of most frames.
    """
    steps_s = np.diff(times_s, append=times_s[-1:] + 1 / fps_hz)
    return np.minimum(steps_s, max(LONGEST_S, 1 / fps_hz))


def _schedule(store: VideoStore, video: str) -> pd.DataFrame:
    """Number, time, leak class, release and leak of each frame of a video."""
    view = store.clip(video)
    frames = pd.DataFrame({"frame": np.arange(len(view.frames)), "time_s": view.times_s})
    if view.leak_class is None:
        unknown = pd.array([pd.NA] * len(frames), "Int64")
        return frames.assign(leak_class=unknown, release_s=np.nan, leak=unknown)
    return frames.assign(
        leak_class=pd.array(view.leak_class, "Int64"),
        release_s=releases_s(view.leak_class, view.times_s),
        leak=leak_numbers(view.leak_class, view.times_s),
    )


def joined(trainings: Sequence[pd.DataFrame], model: str) -> pd.DataFrame:
    """Join the timelines of all trainings of a model, each with its `seed` and `threshold`."""
    rows = pd.concat(trainings, ignore_index=True).assign(model=model)
    rows["threshold"] = rows["threshold"].astype("float64").fillna(DEFAULT_THRESHOLD)
    return rows.reindex(columns=list(COLUMNS)).astype(COLUMNS)


def detection_scores(rows: pd.DataFrame) -> dict[str, Any]:
    """Scores of a model by the leak schedule.

    Args:
        rows: timelines of its trainings, see `joined`.

    Returns:
        Plain values: `n_seeds`, and of one training `n_videos`, `n_clips`, `n_bare_clips`, which
        have no masks, `n_frames`, `n_releases` and `leak_free_hours`; `thresholds` of the
        trainings; and all of `SCHEDULE_METRICS`, None where undefined. For several trainings these
        are means, and `spread` has their standard deviations by metric. Empty if no leak class is
        known.
    """
    known = rows[rows["leak_class"].notna()]
    if known.empty:
        return {}
    trainings = [own for _, own in known.groupby(SEED, dropna=False)]
    frames = [ScheduledFrames.of(own) for own in trainings]
    values = np.array([[metric.function(each) for metric in SCHEDULE_METRICS] for each in frames])
    first = trainings[0]
    scores: dict[str, Any] = {
        "n_seeds": len(trainings),
        "n_videos": first["video"].nunique(),
        "n_clips": first["clip"].nunique(),
        "n_bare_clips": first.loc[first["mask_source"] == "none", "clip"].nunique(),
        "n_frames": len(first),
        "n_releases": len(first.dropna(subset="release_s").drop_duplicates(["video", "release_s"])),
        "leak_free_hours": round(frames[0].leak_free_hours, DIGITS),
        "thresholds": [round(each.threshold, DIGITS) for each in frames],
        **_by_metric(values.mean(axis=0)),
    }
    if len(trainings) > 1:
        scores["spread"] = _by_metric(values.std(axis=0, ddof=1))
    return scores


def _by_metric(values: NDArray[np.float64]) -> dict[str, float | None]:
    return {
        metric.name: None if np.isnan(value) else round(float(value), DIGITS)
        for metric, value in zip(SCHEDULE_METRICS, values, strict=True)
    }
