"""Statistics of several sources of footage, side by side."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from fgstp.core.errors import FootageError, UserError
from fgstp.core.progress import ProgressBar
from fgstp.footage.frame_sources import frames_of
from fgstp.footage.settings import IngestSettings
from fgstp.footage.sources import Search, find_videos
from fgstp.footage.sources.synthetic import SyntheticSample
from fgstp.footage.statistics import STATISTICS, footage_statistics, percentiles
from fgstp.footage.video import RefusedVideo, Video

PERCENTILES = (5, 25, 50, 75, 95)
_SYNTHETIC = "synthetic:"


class MeasuredSource(NamedTuple):
    """Statistics of the videos of a source.

    Attributes:
        name: the source, as it was given.
        videos: statistics of each video that can be used.
        refused: a sentence for each that cannot.
    """

    name: str
    videos: list[dict[str, float]]
    refused: list[str]


def measure_sources(
    sources: Sequence[str], sample: SyntheticSample, fps_hz: float | None
) -> list[MeasuredSource]:
    """Measure all videos of some sources.

    Args:
        sources: video files, folders of footage with or without a table, or `synthetic:` and the
            name of conditions.
        sample: which synthetic videos.
        fps_hz: true rate of files; rate of synthetic videos, 15 Hz if none.

    Raises:
        UserError: one of the sources is not there; none is measured then.
    """
    found = {source: list(_find(source, sample, fps_hz)) for source in sources}
    return [_measured(source, videos) for source, videos in found.items()]


def _measured(source: str, found: Sequence[Video | RefusedVideo]) -> MeasuredSource:
    videos, refused = [], []
    for video in ProgressBar(found, unit=" videos", desc=source):
        if isinstance(video, RefusedVideo):
            refused.append(video.error)
            continue
        try:
            videos.append(footage_statistics(video))
        except FootageError as error:
            refused.append(f"{video.name}: {error}")
    return MeasuredSource(source, videos, refused)


def _find(
    source: str, sample: SyntheticSample, fps_hz: float | None
) -> Iterator[Video | RefusedVideo]:
    if source.startswith(_SYNTHETIC):
        yield from sample.videos(source.removeprefix(_SYNTHETIC), fps_hz)
        return
    path = Path(source)
    if not path.exists():
        raise UserError(f"There is no footage {source}; name a video, a folder, or synthetic:wide.")
    if path.is_dir():
        settings = IngestSettings.model_validate(
            {"source": "folder", "folder": {"path": str(path.resolve())}}
        )
        found = find_videos(Search(path, pd.DataFrame(), settings, seed=0))
    else:
        found = [Video(path.name, frames_of(path), "test")]
    for video in found:
        if isinstance(video, Video):
            yield replace(video, fps_hz=fps_hz or video.fps_hz)
        else:
            yield video


def as_text(measured: Sequence[MeasuredSource]) -> str:
    """Percentiles over the videos of each source, for a terminal."""
    return "\n\n".join(_of_source(each) for each in measured)


def _of_source(measured: MeasuredSource) -> str:
    name, videos, refused = measured
    lines = [f"{name}: {len(videos)} {'video' if len(videos) == 1 else 'videos'}"]
    if videos:
        table = percentiles(videos, PERCENTILES)
        rows = {f"{key} ({unit})" if unit else key: table[key] for key, unit in STATISTICS.items()}
        columns = [f"{each} %" for each in PERCENTILES]
        frame = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
        lines.append(frame.to_string(float_format="{:.3f}".format, na_rep="–"))
    lines += [f"Not used: {sentence}" for sentence in refused]
    return "\n".join(lines)
