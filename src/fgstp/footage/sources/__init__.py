"""Sources of footage: functions that find videos, in the files of this package."""

import pkgutil
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from fgstp.footage.settings import IngestSettings
from fgstp.footage.video import RefusedVideo, Video


class Search(NamedTuple):
    """Input of a source.

    Attributes:
        raw: folder of raw data.
        gasvid: table of GasVid, with cells as text.
        settings: all of ingest's settings.
        seed: seed of the project.
    """

    raw: Path
    gasvid: pd.DataFrame
    settings: IngestSettings
    seed: int


FindVideos = Callable[[Search], Sequence[Video | RefusedVideo]]
SOURCES: dict[str, FindVideos] = {}
MAX_ID_BYTES = 200  # names of files are longer, and may have 255


def register_source(name: str) -> Callable[[FindVideos], FindVideos]:
    """Register the decorated function as the source `ingest.source: <name>`.

    The function returns the videos of its source, and a `RefusedVideo` for each that cannot be
    used. It raises a `UserError` if there is no footage at all.
    """

    def register(find: FindVideos) -> FindVideos:
        SOURCES[name] = find
        return find

    return register


def list_sources() -> list[str]:
    """List the names of all sources, sorted."""
    for module in pkgutil.iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    return sorted(SOURCES)


def find_videos(search: Search) -> list[Video | RefusedVideo]:
    """Find the videos of the source `search.settings.source`; their ids are unique.

    Raises:
        UserError: the source has no footage, or its table cannot be used.
    """
    list_sources()
    taken: set[str] = set()
    found: list[Video | RefusedVideo] = []
    for video in SOURCES[search.settings.source](search):
        fault = _fault_of_name(video.name)
        if fault is None and isinstance(video, Video) and video.name in taken:
            fault = "is the id of two videos; rename one, or name it only once"
        if fault is not None:
            shown = ascii(video.name).strip("'")[:MAX_ID_BYTES]
            found.append(RefusedVideo(shown, f"{shown} {fault}", video.split))
        else:
            found.append(video)
        taken.add(video.name)
    return found


def _fault_of_name(name: str) -> str | None:
    """Why files and tables cannot hold an id; None if they can."""
    try:
        n_bytes = len(name.encode())
    except UnicodeEncodeError:
        return "has a name that is not UTF-8; rename it"
    if n_bytes > MAX_ID_BYTES:
        return f"has a name of more than {MAX_ID_BYTES} bytes; rename it"
    if not name.isprintable() or "/" in name or name.startswith("."):
        return "has a name with a line break, a slash or a dot in front; rename it"
    return None
