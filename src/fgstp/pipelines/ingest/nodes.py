"""Nodes of ingest, which connect the catalog to `fgstp.footage`."""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from fgstp.core.config import check_seed
from fgstp.core.errors import UserError
from fgstp.footage.descriptors import ClipDescriptor
from fgstp.footage.ingest_videos import ingest_videos, tables
from fgstp.footage.settings import IngestSettings
from fgstp.footage.sources import Search, find_videos
from fgstp.footage.validation import hold_out
from fgstp.footage.video import RefusedVideo, Video
from fgstp.footage.video_store import VideoStore
from fgstp.reporting.ingest import (
    NO_VALIDATION,
    contact_sheets,
    draw_duplicate_curve,
    kept_by_threshold,
    overview,
    refusals,
    summarise,
    without_validation,
)

logger = logging.getLogger(__name__)


def find_footage(
    raw: Path, gasvid: pd.DataFrame, ingest: IngestSettings, seed: int
) -> list[Video | RefusedVideo]:
    """Find the videos of the source, and those that cannot be used.

    Args:
        raw: folder of raw data.
        gasvid: table of GasVid, with cells as text.
        ingest: settings.
        seed: seed of the project.

    Raises:
        UserError: the source has no footage, or its table cannot be used.
    """
    return find_videos(Search(raw, gasvid, ingest, check_seed(seed)))


def ingest_footage(
    footage: list[Video | RefusedVideo], ingest: IngestSettings
) -> Callable[[VideoStore], None]:
    """Return the function that ingests the videos into a video store."""
    return partial(ingest_videos, footage, settings=ingest)


def list_clips(video_store: VideoStore) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make the video table, and the clip table before validation clips are held out.

    Raises:
        UserError: no clip was kept.
    """
    videos, clips = tables(video_store)
    if clips["dropped"].isna().sum() == 0:
        raise UserError(" ".join([*refusals(videos), "So no clip came out of ingest."]))
    return videos, clips


def hold_out_validation(clips: pd.DataFrame, ingest: IngestSettings, seed: int) -> pd.DataFrame:
    """Hold out validation clips; returns the clip table that all later nodes use."""
    clips = hold_out(clips, ingest.validation, seed)
    if without_validation(clips):
        logger.warning(NO_VALIDATION)
    return clips


def draw_contact_sheets(
    videos: pd.DataFrame, clips: pd.DataFrame, video_store: VideoStore, ingest: IngestSettings
) -> dict[str, Figure]:
    """Draw a contact sheet for each category."""
    return contact_sheets(videos, clips, video_store, ingest.contact_sheet)


def trace_duplicates(
    clips: pd.DataFrame, video_store: VideoStore, ingest: IngestSettings
) -> tuple[pd.DataFrame, dict[str, Figure]]:
    """Count the clips that each duplicate threshold would keep, as a table and as a figure."""
    descriptors = {
        video: [ClipDescriptor(*maps) for maps in video_store.descriptors(video)]
        for video in clips["video"].astype(str).unique()
    }
    curve = kept_by_threshold(descriptors, ingest.duplicates)
    figure = draw_duplicate_curve(curve, len(clips), ingest.duplicates)
    return curve, {"clips_kept_against_threshold": figure}


def summarise_ingest(videos: pd.DataFrame, clips: pd.DataFrame, ingest: IngestSettings) -> str:
    """Summarise in Markdown what was read, what was kept, and what was refused and why.

    Raises:
        UserError: videos were refused and `tolerate_bad_videos` is false.
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
