"""Sources of footage: each is a file of this package, with a function that finds its videos."""

import pkgutil
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from fgstp.footage.settings import IngestSettings
from fgstp.footage.video import RefusedVideo, Video


class Search(NamedTuple):
    """What a source is told.

    Attributes:
        raw: the folder of raw data.
        gasvid: the table of GasVid, cells as text.
        settings: all of ingest's settings.
        seed: of the project.
    """

    raw: Path
    gasvid: pd.DataFrame
    settings: IngestSettings
    seed: int


FindVideos = Callable[[Search], Sequence[Video | RefusedVideo]]
SOURCES: dict[str, FindVideos] = {}


def register_source(name: str) -> Callable[[FindVideos], FindVideos]:
    """Make the decorated function what `ingest.source: <name>` calls.

    The function gives the videos of its source, and those that cannot be used with a reason; it
    raises a `UserError` if there is nothing at all.
    """

    def register(find: FindVideos) -> FindVideos:
        SOURCES[name] = find
        return find

    return register


def list_sources() -> list[str]:
    """Names of all sources, sorted."""
    for module in pkgutil.iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    return sorted(SOURCES)


def find_videos(search: Search) -> list[Video | RefusedVideo]:
    """Videos of the source that the settings choose, each name once, and refusals.

    Raises:
        UserError: the source holds nothing, or its table cannot be used.
    """
    list_sources()
    taken: set[str] = set()
    return [_once(video, taken) for video in SOURCES[search.settings.source](search)]


def _once(video: Video | RefusedVideo, taken: set[str]) -> Video | RefusedVideo:
    """Refuse a video whose id is taken: its files would overwrite those of the other."""
    if isinstance(video, Video) and video.name in taken:
        error = f"{video.name} is the id of two videos; rename one, or name it only once"
        return RefusedVideo(video.name, error, video.split)
    taken.add(video.name)
    return video
