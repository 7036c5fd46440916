"""Validation clips: held out of the training videos, never beside a training clip."""

import zlib

import numpy as np
import pandas as pd

from fgstp.footage.settings import ValidationSettings

GUARD = "guard"


def hold_out(clips: pd.DataFrame, settings: ValidationSettings, seed: int) -> pd.DataFrame:
    """Move some training clips to validation, and drop those that lie next to them.

    In each training video the clips held out are spread evenly over its kept clips, from
    an offset that the seed and the video's name give; a single one is the first or the
    last. However large the share, some are left for training. Kept training clips within
    the gap of one of them are dropped as `guard`. Where no training video has enough clips to
    give one up, whole videos are held out instead. Footage that brings its own validation
    clips is left as it is.

    Args:
        clips: the clip table: columns clip, video, first_frame, frames, split, dropped,
            repeats.
        settings: how much is held out, and how wide the gap is.
        seed: of the project.

    Returns:
        A copy with changed `split`, `dropped` and `repeats`.
    """
    clips = clips.copy()
    if (clips["split"] == "validation").any() or settings.share == 0:
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
    held = _whole_videos(list(by_video), settings.share, seed)
    clips.loc[clips["video"].isin(held), "split"] = "validation"
    return clips


def _spread(rows: pd.DataFrame, video: str, settings: ValidationSettings, seed: int) -> list[int]:
    """Index labels of the clips of one video that are held out, none if it is too short."""
    n_clips = len(rows)
    # A clip held out may cost its two neighbours; a video must not lose all it has.
    if n_clips <= 2 * settings.gap_clips + 1:
        return []
    most = n_clips // (2 + 2 * settings.gap_clips)
    count = min(max(1, round(settings.share * n_clips)), max(1, most))
    offset = _chance(video, seed)
    if count == 1:  # at an end it costs one neighbour instead of two
        return [int(rows.index[0 if offset < 0.5 else -1])]
    places = np.floor((np.arange(count) + offset) / count * n_clips).astype(int)
    return [int(label) for label in rows.index[places]]


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
    clips.loc[near, "repeats"] = str(held["clip"])


def _whole_videos(videos: list[str], share: float, seed: int) -> list[str]:
    if len(videos) < 2:
        return []
    count = min(max(1, round(share * len(videos))), len(videos) - 1)
    return sorted(videos, key=lambda video: _chance(video, seed))[:count]


def _chance(video: str, seed: int) -> float:
    """A number in [0, 1) that depends on the seed and the video's name alone."""
    return float(np.random.default_rng([seed, zlib.crc32(video.encode())]).random())
