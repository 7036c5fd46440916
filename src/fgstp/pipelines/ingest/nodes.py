"""Nodes of ingest: thin adapters between the catalog and `fgstp.footage`."""

import logging
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from fgstp.core.config import check_seed
from fgstp.core.errors import UserError
from fgstp.footage.clip_store import ClipStore
from fgstp.footage.descriptors import ClipDescriptor
from fgstp.footage.ingest_video import NO_MASKS
from fgstp.footage.ingest_videos import ingest_videos
from fgstp.footage.records import CLIP_COLUMNS, VIDEO_COLUMNS, RecordStore, table
from fgstp.footage.settings import IngestSettings
from fgstp.footage.sources.find import find_videos
from fgstp.footage.summary import NO_VALIDATION, overview, refusals, summarise, without_validation
from fgstp.footage.validation import hold_out
from fgstp.reporting.footage_figures import (
    contact_sheets,
    draw_duplicate_curve,
    kept_by_threshold,
)

logger = logging.getLogger(__name__)


def cut_clips(
    raw: Path,
    gasvid: pd.DataFrame,
    clip_files: ClipStore,
    records: RecordStore,
    ingest: IngestSettings,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Find the videos of the source, cut them into clips and drop duplicates.

    Args:
        raw: folder of raw data.
        gasvid: table of GasVid, cells as text.
        clip_files: where the clips are written.
        records: where finished videos are remembered.
        ingest: settings.
        seed: of the project.

    Returns:
        The video table, and the clip table before validation clips are held out.

    Raises:
        UserError: the source holds nothing that can be used.
    """
    found = find_videos(raw, gasvid, ingest, check_seed(seed))
    video_rows, clip_rows = ingest_videos(found, clip_files, records, ingest)
    clips = table(clip_rows, CLIP_COLUMNS)
    videos = table([{**row, "source": ingest.source} for row in video_rows], VIDEO_COLUMNS)
    if clips["dropped"].isna().sum() == 0:
        raise UserError(" ".join([*refusals(videos), "So no clip came out of ingest."]))
    return videos, clips


def hold_out_validation(clips: pd.DataFrame, ingest: IngestSettings, seed: int) -> pd.DataFrame:
    """Hold validation clips out of the training videos.

    Args:
        clips: clip table.
        ingest: settings.
        seed: of the project.

    Returns:
        The clip table with splits as they are used from here on.
    """
    clips = hold_out(clips, ingest.validation, seed)
    if without_validation(clips):
        logger.warning(NO_VALIDATION)
    return clips


def draw_contact_sheets(
    videos: pd.DataFrame, clips: pd.DataFrame, clip_files: ClipStore, ingest: IngestSettings
) -> dict[str, Figure]:
    """Draw a contact sheet a category.

    Args:
        videos: video table.
        clips: clip table.
        clip_files: the clips.
        ingest: settings.

    Returns:
        Figures by category.
    """
    return contact_sheets(videos, clips, clip_files, ingest.contact_sheet)


def trace_duplicates(
    clips: pd.DataFrame, records: RecordStore, ingest: IngestSettings
) -> tuple[pd.DataFrame, dict[str, Figure]]:
    """Count and draw how many clips each duplicate threshold would keep.

    Args:
        clips: clip table.
        records: descriptors of all clips.
        ingest: settings.

    Returns:
        The curve as a table and as a figure.
    """
    judged = clips[clips["dropped"] != NO_MASKS]
    descriptors = {
        str(video): _descriptors_of(rows, records.descriptors(str(video)))
        for video, rows in judged.groupby("video", sort=False)
    }
    curve = kept_by_threshold(descriptors, ingest.duplicates)
    figure = draw_duplicate_curve(curve, len(judged), ingest.duplicates)
    return curve, {"clips_kept_against_threshold": figure}


def _descriptors_of(rows: pd.DataFrame, of_video: list[ClipDescriptor]) -> list[ClipDescriptor]:
    return [of_video[index] for index in rows["first_frame"] // rows["frames"]]


def summarise_ingest(videos: pd.DataFrame, clips: pd.DataFrame, ingest: IngestSettings) -> str:
    """Say what came in, what was kept, and what was refused and why.

    Args:
        videos: video table.
        clips: clip table.
        ingest: settings.

    Returns:
        A page of Markdown.

    Raises:
        UserError: videos were refused and the settings do not tolerate that.
    """
    refused = refusals(videos)
    if refused and not ingest.tolerate_bad_videos:
        raise UserError(
            f"{len(refused)} of {len(videos)} videos could not be used, and "
            f"ingest.tolerate_bad_videos is false: {' '.join(refused)}"
        )
    for part in overview(videos, clips):
        logger.info("\n%s\n", part)
    return summarise(videos, clips)
