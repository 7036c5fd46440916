"""Ingest of many videos in parallel; a video that cannot be used does not stop the others."""

from collections.abc import Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path

import cv2
import pandas as pd
from joblib import delayed

from fgstp.core.errors import FootageError
from fgstp.core.files import make_folder
from fgstp.core.parallel import Counter, in_parallel, shared_bar
from fgstp.footage.clip_table import CLIP_COLUMNS, VIDEO_COLUMNS, table
from fgstp.footage.ingest_video import ingest_video
from fgstp.footage.settings import IngestSettings
from fgstp.footage.video import RefusedVideo, Video
from fgstp.footage.video_store import Row, VideoStore


def ingest_videos(
    videos: Sequence[Video | RefusedVideo], store: VideoStore, settings: IngestSettings
) -> None:
    """Ingest all videos, and remove files of videos that are no longer there.

    Args:
        videos: the videos that the source found, including refused ones, in the order of rows.
        store: where videos and rows are written.
        settings: all of ingest's settings.

    Raises:
        UserError: the disk is full, a folder cannot be written, or no cluster can be joined.
    """
    make_folder(store.folder)
    usable = [video for video in videos if isinstance(video, Video)]
    total = sum(_frames_hint(video) for video in usable)
    with shared_bar(total, "frames", "ingest", store.folder) as counters:
        work = [
            delayed(_ingest_or_refuse)(video, store, settings, counters / str(number))
            for number, video in enumerate(usable)
        ]
        outcomes = iter(in_parallel(work, settings.parallel))
    rows = [next(outcomes) if isinstance(video, Video) else _refused(video) for video in videos]
    _refuse_twins(rows)
    sound = [row["video"] for row in rows if row["error"] is None]
    if sound:  # a mistake in a setting, which refuses all, must not cost what was ingested
        store.remove_all_but(sound)
    store.write_outcome([{**row, "source": "+".join(settings.source)} for row in rows])


def tables(store: VideoStore) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make the video table, and the clip table including dropped clips.

    Raises:
        UserError: ingest is not finished.
    """
    videos = store.outcome()
    clips = [store.record(row["video"])["clips"] for row in videos if row["error"] is None]
    return table(videos, VIDEO_COLUMNS), table([*chain(*clips)], CLIP_COLUMNS)


def _ingest_or_refuse(
    video: Video, store: VideoStore, settings: IngestSettings, counter: Path
) -> Row:
    """Ingest one video in a worker, and return its row of the video table."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # the videos are what goes in parallel
    try:
        return ingest_video(video, store, settings, Counter(counter))["video"]
    except FootageError as error:
        fault = str(error)
    finally:
        cv2.setNumThreads(threads)
    return _refused(RefusedVideo(video.name, f"{video.name}: {fault}", video.split))


def _refused(video: RefusedVideo) -> Row:
    """Row of the video table of a refused video."""
    outcome = {"clips": 0, "clips_distinct": 0, "error": video.error}
    return {"video": video.name, "split": video.split, **outcome}


def _refuse_twins(rows: list[Row]) -> None:
    """Refuse a video with the content of an earlier one: it could be in train and in test."""
    first_with: dict[str, str] = {}
    for place, row in enumerate(rows):
        name = row["video"]
        first = name if row["error"] else first_with.setdefault(row["sha256"], name)
        if first != name:
            error = (
                f"{name}: it has the same content as {first}, and could fall into train and "
                "test; remove one of the two"
            )
            rows[place] = _refused(RefusedVideo(name, error, row["split"]))


def _frames_hint(video: Video) -> int:
    with suppress(FootageError):  # raised again when the video is ingested
        return video.frames.n_frames_hint() or 0
    return 0
