"""Watching several videos after each other, with results on the disk."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from fgstp.core.errors import FootageError
from fgstp.core.progress import ProgressBar
from fgstp.detection.detector import Detector
from fgstp.detection.event_files import LINES, TABLE, event_lines, write_table
from fgstp.detection.report import DetectionReport
from fgstp.footage.frame_sources import frames_of

logger = logging.getLogger(__name__)


def watch_videos(
    detector: Detector, sources: Sequence[Path], out: Path
) -> Iterator[DetectionReport]:
    """Watch videos one after the other; one that cannot be read is told and stops no other.

    Each has a folder of its own below `out`, with `events.jsonl`, a line a change, which can be
    read meanwhile, and `events.csv`, a row an event, once its end is reached.

    Args:
        detector: the detector.
        sources: video files, TIFF stacks or folders of pictures.
        out: where results are written.

    Yields:
        Reports of the videos that could be read, each when its end is reached.

    Raises:
        UserError: the results cannot be written.
    """
    for source, folder in zip(sources, _folders(sources, out), strict=True):
        try:
            yield _watched(detector, source, folder)
        except FootageError as error:
            logger.error("%s: %s", source, error)


def _watched(detector: Detector, source: Path, folder: Path) -> DetectionReport:
    facts = {
        "source": str(source),
        "model": detector.model.name,
        "threshold": round(detector.threshold, 4),
    }
    report = DetectionReport(str(source), detector.threshold)
    total = frames_of(source).n_frames_hint()
    with (
        event_lines(folder / LINES, facts) as write,
        ProgressBar(total=total, desc=source.name, unit=" frames", leave=False) as bar,
    ):
        for result in detector.stream(source, report.remarks):
            report.take(result.time_s, result.score, result.state, result.changes)
            write(result.changes)
            bar.update()
    write_table(folder / TABLE, report.events, facts)
    return report


def _folders(sources: Sequence[Path], out: Path) -> Iterator[Path]:
    """A folder for each: its name, with a number where two have the same."""
    taken: dict[str, int] = {}
    for source in sources:
        taken[source.stem] = number = taken.get(source.stem, 0) + 1
        yield out / (source.stem if number == 1 else f"{source.stem}-{number}")
