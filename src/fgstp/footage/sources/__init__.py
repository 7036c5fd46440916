"""Sources of footage: functions that find videos, in the files of this package."""

import pkgutil
from collections.abc import Callable, Sequence
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from fgstp.core.errors import printable
from fgstp.footage.pictures import composed
from fgstp.footage.settings import IngestSettings
from fgstp.footage.video import MAX_ID_BYTES, RefusedVideo, Video, fault_of_name


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
    """Find the videos of all sources in `search.settings.source`; their ids are unique.

    Raises:
        UserError: a source has no footage, or its table cannot be used.
    """
    list_sources()
    taken: set[str] = set()
    found: list[Video | RefusedVideo] = []
    every = (SOURCES[source](search) for source in search.settings.source)
    for video in chain.from_iterable(every):
        fault = fault_of_name(video.name)
        if fault is None and isinstance(video, Video) and composed(video.name) in taken:
            fault = "is the id of two videos; rename one, or name it only once"
        if fault is not None:
            shown = ascii(video.name)[1:-1][:MAX_ID_BYTES]
            found.append(RefusedVideo(shown, f"{shown} {fault}", video.split))
        elif isinstance(video, RefusedVideo):
            found.append(RefusedVideo(video.name, printable(video.error), video.split))
        else:
            found.append(video)
        taken.add(composed(video.name))
    return found
