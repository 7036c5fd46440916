"""Holding out validation clips of the training videos, with a gap to the training clips."""

import math
import zlib

import numpy as np
import pandas as pd

from fgstp.footage.settings import ValidationSettings

GUARD = "guard"
RUN_CLIPS = 3


def hold_out(clips: pd.DataFrame, settings: ValidationSettings, seed: int) -> pd.DataFrame:
    """Move some training clips to validation, and drop those next to them.

    In each training video, runs of up to three kept clips are held out, evenly spaced from an
    offset that depends on the seed and the name of the video; a single run is at the beginning
    or the end. Whatever the fraction, some clips are left for training. Kept training clips
    within the gap of a run are dropped as `guard`. If all training videos are too short for
    that, whole videos are held out instead. Footage with validation clips of its own does not
    change.

    Args:
        clips: the clip table.
        settings: fraction to hold out, and width of the gap.
        seed: seed of the project.

    Returns:
        A copy with changed `split` and `dropped`.
    """
    clips = clips.copy()
    if (clips["split"] == "validation").any() or settings.fraction == 0:
        return clips
    training = clips[(clips["split"] == "train") & clips["dropped"].isna()]
    by_video = {str(video): rows for video, rows in training.groupby("video", sort=False)}
    chosen = [
        clip for video, rows in by_video.items() for clip in _spread(rows, video, settings, seed)
    ]
    if chosen:
        clips.loc[chosen, "split"] = "validation"
        for clip in chosen:
            _guard(clips, clip, settings.gap_clips)
        return clips
    held = _whole_videos(list(by_video), settings.fraction, seed)
    clips.loc[clips["video"].isin(held), "split"] = "validation"
    return clips


def _spread(rows: pd.DataFrame, video: str, settings: ValidationSettings, seed: int) -> list[int]:
    """Index labels of the clips of a video to hold out; none if the video is too short."""
    n_clips, gap = len(rows), settings.gap_clips
    if n_clips <= 2 * gap + 1:
        return []
    count = max(1, round(settings.fraction * n_clips))
    # Each run costs the clips on both sides of it, and some must be left for training.
    n_runs = min(math.ceil(count / RUN_CLIPS), max(1, n_clips // (RUN_CLIPS + 2 * gap + 1)))
    length = min(math.ceil(count / n_runs), RUN_CLIPS, n_clips - gap - 1)
    offset = _chance(video, seed)
    if n_runs == 1:  # at an end it costs the clips on one side only
        starts = np.array([0 if offset < 0.5 else n_clips - length])
    else:
        starts = np.floor((np.arange(n_runs) + offset) / n_runs * n_clips).astype(int)
    places = np.minimum(starts, n_clips - length)[:, None] + np.arange(length)
    return [int(label) for label in rows.index[places.ravel()[:count]]]


def _guard(clips: pd.DataFrame, chosen: int, gap_clips: int) -> None:
    """Drop the kept training clips of the same video that are too near in time."""
    held = clips.loc[chosen]
    distance = (clips["first_frame"] - held["first_frame"]).abs() / held["frames"]
    near = (
        (clips["video"] == held["video"])
        & (clips["split"] == "train")
        & clips["dropped"].isna()
        & (distance <= gap_clips)
    )
    clips.loc[near, "dropped"] = GUARD


def _whole_videos(videos: list[str], share: float, seed: int) -> list[str]:
    if len(videos) < 2:
        return []
    count = min(max(1, round(share * len(videos))), len(videos) - 1)
    return sorted(videos, key=lambda video: _chance(video, seed))[:count]


def _chance(video: str, seed: int) -> float:
    """A random number in [0, 1) that depends only on the seed and the name of the video."""
    return float(np.random.default_rng([seed, zlib.crc32(video.encode())]).random())
