"""Ingest of many videos, in parallel; a bad one is noted and stops none of the others."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import cv2
from joblib import delayed

from fgstp.core.errors import FootageError
from fgstp.core.files import make_folder
from fgstp.core.parallel import in_parallel
from fgstp.core.progress import Counter, shared_bar
from fgstp.footage.ingest_video import ingest_video
from fgstp.footage.settings import IngestSettings
from fgstp.footage.video import RefusedVideo, Video
from fgstp.footage.video_store import Row, VideoStore


def ingest_videos(
    videos: Sequence[Video | RefusedVideo], store: VideoStore, settings: IngestSettings
) -> None:
    """Ingest all videos and tidy up what earlier runs left.

    Args:
        videos: what the source found, in the order of the table, the refused ones too.
        store: where videos and what becomes of them are written.
        settings: all of ingest's settings.

    Raises:
        UserError: the disk is full, a folder cannot be written, no cluster can be joined.
    """
    sound = [video for video in videos if isinstance(video, Video)]
    outcomes = iter(_ingest_in_parallel(sound, store, settings))
    rows = [next(outcomes) if isinstance(video, Video) else _refused(video) for video in videos]
    _refuse_twins(rows)
    store.remove_all_but(row["video"] for row in rows if row["error"] is None)
    store.write_outcome(rows)


def tables(store: VideoStore) -> tuple[list[Row], list[Row]]:
    """What came of ingest: rows of the video table, and of the clip table, dropped clips too.

    Raises:
        UserError: ingest has not come to its end yet.
    """
    videos = store.outcome()
    clips = [store.record(row["video"])["clips"] for row in videos if row["error"] is None]
    return videos, [row for of_video in clips for row in of_video]


def _ingest_in_parallel(
    videos: list[Video], store: VideoStore, settings: IngestSettings
) -> list[Row]:
    """Rows of the video table, in the order of the videos."""
    make_folder(store.folder)
    total = sum(_frames_hint(video) for video in videos)
    with shared_bar(total, "frames", "ingest", store.folder) as counters:
        work = [
            delayed(_ingest_or_refuse)(video, store, settings, counters / str(number))
            for number, video in enumerate(videos)
        ]
        return in_parallel(work, settings.parallel)


def _ingest_or_refuse(
    video: Video, store: VideoStore, settings: IngestSettings, counter: Path
) -> Row:
    """Work of one worker."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # the videos are what goes in parallel
    try:
        row: Row = ingest_video(video, store, settings, Counter(counter))["video"]
        return row
    except FootageError as error:
        told = str(error)
    except cv2.error as error:
        told = f"OpenCV cannot work with it ({error.err}); convert it"
    finally:
        cv2.setNumThreads(threads)
    return _refused(RefusedVideo(video.name, f"{video.name}: {told}", video.split))


def _refused(video: RefusedVideo) -> Row:
    """Its row of the video table."""
    told = {"clips": 0, "clips_distinct": 0, "error": video.error}
    return {"video": video.name, "split": video.split, **told}


def _refuse_twins(rows: list[Row]) -> None:
    """Refuse a video whose content is that of one before it: it could fall into train and test."""
    name_of: dict[str, str] = {}
    for place, row in enumerate(rows):
        name = row["video"]
        first = name if row["error"] else name_of.setdefault(row["sha256"], name)
        if first != name:
            error = (
                f"{name}: it has the same content as {first}, and could fall into train and "
                "test; remove one of the two"
            )
            rows[place] = _refused(RefusedVideo(name, error, row["split"]))


def _frames_hint(video: Video) -> int:
    with suppress(FootageError):  # said again, and noted, when the video's turn comes
        return video.frames.n_frames_hint() or 0
    return 0
