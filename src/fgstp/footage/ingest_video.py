"""Ingest of one video: from its source to its files in the store and its rows of the tables."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from fgstp.core.errors import FootageError, UserError
from fgstp.footage.cutting import Stretch
from fgstp.footage.reading import as_footage_error, read_through
from fgstp.footage.settings import IngestSettings
from fgstp.footage.video import Video
from fgstp.footage.video_store import Row, VideoStore

VERSION = 7  # raise it whenever the same footage and settings give different files
# Settings on which the results depend.
DECISIVE = {"clip_length_frames", "span", "categories", "duplicates", "masks", "pseudo_masks"}

Progress = Callable[[int], object]


@as_footage_error()
def ingest_video(
    video: Video, store: VideoStore, settings: IngestSettings, progress: Progress
) -> Row:
    """Write one video to the store and describe its clips, unless that was done before.

    Memory holds three clips, and with pseudo masks as many more as their window spans; it
    does not grow with the video.

    Args:
        video: the video to ingest.
        store: where it is written.
        settings: all of ingest's settings.
        progress: called with the number of frames that were finished since the last call.

    Returns:
        Its record: `video` is its row of the video table, `clips` are its rows of the clip table,
        including dropped clips.

    Raises:
        FootageError: the video cannot be used; files of an earlier run may remain.
        UserError: the disk is full or a folder cannot be written.
    """
    try:
        facts = _facts(video, settings)
        if store.is_finished(video.name, facts):
            record = store.record(video.name)
            progress(record["video"]["frames"])
            return record
        content = video.frames.content_hash()
    except UserError as error:
        raise FootageError(str(error)) from error
    with store.writing(video.name) as writer:

        def take(stretch: Stretch) -> None:
            writer.append(
                stretch.frames,
                stretch.times_s,
                annotated=stretch.annotated,
                masks=stretch.masks,
                leak_class=stretch.leak_class,
            )
            progress(len(stretch.frames))

        found = read_through(video, settings, take)
    row = found.row | {"remarks": "; ".join(found.remarks), "sha256": content}
    record = {"video": row, "clips": found.clips}
    store.finish(video.name, facts, record, np.array(found.descriptors), writer.pieces())
    return record


def _facts(video: Video, settings: IngestSettings) -> dict[str, Any]:
    """Everything that the results depend on, as plain values."""
    own = ("split", "mask_source", "fps_hz", "distance_m", "background", "remarks")
    return {
        "version": VERSION,
        "frames": video.frames.signature(),
        "mask_files": video.masks and video.masks.signature(),
        "schedule": video.schedule and asdict(video.schedule),
        **{name: getattr(video, name) for name in own},
        **settings.model_dump(mode="json", include=DECISIVE),
    }
