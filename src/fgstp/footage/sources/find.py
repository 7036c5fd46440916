"""The one setting that says where footage comes from."""

from pathlib import Path

import pandas as pd

from fgstp.footage.settings import IngestSettings
from fgstp.footage.sources.annotated import find_annotated
from fgstp.footage.sources.folder import find_in_folder
from fgstp.footage.sources.gasvid import find_gasvid
from fgstp.footage.sources.synthetic import find_synthetic
from fgstp.footage.video import RefusedVideo, Video


def find_videos(
    raw: Path, gasvid: pd.DataFrame, settings: IngestSettings, seed: int
) -> list[Video | RefusedVideo]:
    """Videos of the source that the settings choose, each name once.

    Args:
        raw: the folder of raw data.
        gasvid: the table of GasVid, cells as text.
        settings: all of ingest's settings.
        seed: of the project, for synthetic videos.

    Returns:
        Videos, and refusals with a reason.

    Raises:
        UserError: the source holds nothing, or its table cannot be used.
    """
    found: list[Video | RefusedVideo]
    match settings.source:
        case "synthetic":
            found = [*find_synthetic(settings.synthetic, seed)]
        case "gasvid":
            found = find_gasvid(raw, gasvid)
        case "annotated":
            found = find_annotated(raw, gasvid)
        case "folder":
            found = find_in_folder(raw, settings.folder)
    return _each_name_once(found)


def _each_name_once(found: list[Video | RefusedVideo]) -> list[Video | RefusedVideo]:
    """Refuse a video whose id is taken: its clips would overwrite those of the other."""
    taken: set[str] = set()
    unique: list[Video | RefusedVideo] = []
    for video in found:
        if isinstance(video, Video) and video.name in taken:
            error = f"{video.name} is the id of two videos; rename one, or name it only once"
            unique.append(RefusedVideo(video.name, error, video.split))
            continue
        taken.add(video.name)
        unique.append(video)
    return unique
