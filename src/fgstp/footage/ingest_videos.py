"""Ingest of many videos, in parallel; a bad one is noted and stops none of the others."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import cv2
from joblib import delayed

from fgstp.core.errors import FootageError, UserError
from fgstp.core.parallel import in_parallel
from fgstp.core.progress import Counter, shared_bar
from fgstp.footage.clip_store import ClipStore
from fgstp.footage.ingest_video import ingest_video, refused_row
from fgstp.footage.records import RecordStore, Row, VideoRecord
from fgstp.footage.settings import IngestSettings
from fgstp.footage.video import RefusedVideo, Video


def ingest_videos(
    videos: Sequence[Video | RefusedVideo],
    clips: ClipStore,
    records: RecordStore,
    settings: IngestSettings,
) -> tuple[list[Row], list[Row]]:
    """Ingest all videos and tidy up what earlier runs left.

    Args:
        videos: what the source found, in the order of the table, the refused ones too.
        clips: where clips are written.
        records: where finished videos are remembered.
        settings: all of ingest's settings.

    Returns:
        Rows of the video table, one a video, and of the clip table, the dropped clips too.

    Raises:
        UserError: the disk is full, a folder cannot be written, no cluster can be joined.
    """
    sound = [video for video in videos if isinstance(video, Video)]
    outcomes = iter(_ingest_in_parallel(sound, clips, records, settings))
    records_or_rows = [
        next(outcomes)
        if isinstance(video, Video)
        else refused_row(video.name, video.split, video.error)
        for video in videos
    ]
    video_rows, clip_rows = _refuse_repeats(records_or_rows)
    clips.remove_all_but(row["clip"] for row in clip_rows if row["dropped"] is None)
    records.remove_all_but([video.name for video in sound])
    return video_rows, clip_rows


def _ingest_in_parallel(
    videos: list[Video], clips: ClipStore, records: RecordStore, settings: IngestSettings
) -> list[VideoRecord | Row]:
    make_folder(clips.folder)
    make_folder(records.folder)
    total = sum(_frames_hint(video) for video in videos)
    with shared_bar(total, "frames", "ingest", records.folder) as counters:
        work = [
            delayed(_ingest_or_refuse)(video, clips, records, settings, counters / str(number))
            for number, video in enumerate(videos)
        ]
        return in_parallel(work, settings.parallel)


def _ingest_or_refuse(
    video: Video, clips: ClipStore, records: RecordStore, settings: IngestSettings, counter: Path
) -> VideoRecord | Row:
    """Work of one worker: a record, or the row of a refused video."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # the videos are what goes in parallel
    try:
        return ingest_video(video, clips, records, settings, Counter(counter))
    except FootageError as error:
        return refused_row(video.name, video.split, f"{video.name}: {error}")
    except cv2.error as error:
        return refused_row(
            video.name,
            video.split,
            f"{video.name}: OpenCV cannot work with it ({error.err}); convert it",
        )
    finally:
        cv2.setNumThreads(threads)


def _refuse_repeats(outcomes: list[VideoRecord | Row]) -> tuple[list[Row], list[Row]]:
    """Refuse a video whose content is that of one before it: it could fall into train and test."""
    video_rows: list[Row] = []
    clip_rows: list[Row] = []
    name_of: dict[str, str] = {}
    for outcome in outcomes:
        if not isinstance(outcome, VideoRecord):
            video_rows.append(outcome)
            continue
        row = outcome.video
        first = name_of.setdefault(row["sha256"], row["video"])
        if first != row["video"]:
            video_rows.append(
                refused_row(
                    row["video"],
                    row["split"],
                    f"{row['video']}: it has the same content as {first}, and could fall into "
                    "train and test; remove one of the two",
                )
            )
            continue
        video_rows.append(row)
        clip_rows += outcome.clips
    return video_rows, clip_rows


def _frames_hint(video: Video) -> int:
    with suppress(FootageError):  # said again, and noted, when the video's turn comes
        return video.frames.n_frames_hint() or 0
    return 0


def make_folder(folder: Path) -> None:
    """Make a folder with its parents.

    Raises:
        UserError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"Cannot make the folder {folder}: {error.strerror}; choose one that can be written."
        ) from error
