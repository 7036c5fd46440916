"""Watching several videos after each other, with results on the disk."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from fgstp.core.errors import FootageError, UserError
from fgstp.core.files import remove_file
from fgstp.core.progress import ProgressBar
from fgstp.detection.detector import Detector
from fgstp.detection.event_lines import event_lines
from fgstp.detection.overlay import OVERLAYS
from fgstp.detection.page import write_index
from fgstp.detection.report import DetectionReport, Output
from fgstp.detection.result import Result, Writer
from fgstp.detection.sources import distinct, short_name
from fgstp.footage.frame_sources import frames_of

Source = TypeVar("Source", bound=Path | str)

logger = logging.getLogger(__name__)


def watch_videos(
    detector: Detector,
    places: Sequence[tuple[Path, Path]],
    outputs: Sequence[Output] = (),
    *,
    every: int = 1,
    fps_hz: float | None = None,
    shows_progress: bool = True,
    faults: list[str] | None = None,
) -> Iterator[DetectionReport]:
    """Watch videos one after the other; one that cannot be read is told and stops no other.

    The folder of each gets `events.jsonl`, which can be read meanwhile, and once its end is
    reached what `DetectionReport.save` writes; the folder around it gets in the end a page that
    lists all videos below it. A video that breaks off, and one that is stopped (Ctrl-C), leaves
    all that was found until then.

    Args:
        detector: the detector.
        places: video files, TIFF stacks or folders of pictures, each with the folder where its
            results are written; see `with_folders`.
        outputs: what else takes the results, such as `overlay_video`.
        every: every n-th frame is watched.
        fps_hz: true frame rate, where it is not that which a file states.
        shows_progress: whether there is a progress bar.
        faults: gets a sentence for each file that could not be written to its end, as on a full
            disk, which is logged and stops nothing.

    Yields:
        Reports of the videos that could be read, each when its end is reached.

    Raises:
        UserError: nothing can be written into a folder.
        KeyboardInterrupt: it was stopped, after the report of the video that was being watched.
    """
    found: list[str] = [] if faults is None else faults
    try:
        for source, folder in places:
            report = detector.new_report(source)
            try:
                watch_video(
                    detector, report, folder, outputs,
                    every=every, fps_hz=fps_hz, shows_progress=shows_progress, faults=found,
                )  # fmt: skip
            except FootageError as error:
                logger.error("%s: %s", source, error)
            except KeyboardInterrupt:
                yield report
                raise
            else:
                yield report
    finally:
        for out in {folder.parent for _, folder in places}:
            with _going_on(found):
                write_index(out)


def with_folders(sources: Sequence[Source], out: Path) -> list[tuple[Source, Path]]:
    """Sources, each with a folder below `out`: its name, with a number where two have the same."""
    names = distinct(short_name(str(source)) for source in sources)
    return [(source, out / name) for source, name in zip(sources, names, strict=True)]


def watch_video(
    detector: Detector,
    report: DetectionReport,
    folder: Path,
    outputs: Sequence[Output] = (),
    *,
    every: int = 1,
    fps_hz: float | None = None,
    shows_progress: bool = True,
    faults: list[str] | None = None,
) -> None:
    """Watch one video to its end; all that was found is saved in a folder, however it ends.

    Args:
        detector: the detector.
        report: of the video, which is filled.
        folder: where results are written.
        outputs: what else takes the results.
        every: every n-th frame is watched.
        fps_hz: true frame rate, where it is not that which a file states.
        shows_progress: whether there is a progress bar.
        faults: as for `watch_videos`.

    Raises:
        FootageError: the video cannot be read.
        UserError: nothing can be written into the folder.
    """
    source = Path(report.source)
    total = frames_of(source).n_frames_hint()
    bar = ProgressBar(
        total=total and -(-total // every),
        desc=source.name,
        unit=" frames",
        leave=False,
        disable=not shows_progress,
    )
    with opened(report, folder, outputs, faults) as write, bar:
        try:
            for result in detector.stream(source, report.remarks, every, fps_hz):
                write(result)
                bar.update()
        except FootageError as error:
            report.remarks.append(str(error))
            raise
        except KeyboardInterrupt:
            report.remarks.append("it was stopped before its end")
            raise


@contextmanager
def opened(
    report: DetectionReport,
    folder: Path,
    outputs: Sequence[Output],
    faults: list[str] | None = None,
) -> Iterator[Writer]:
    """Open `events.jsonl` and other outputs; yields what gives a result to the report and to all.

    At the end, however it comes, all that was found is saved. `faults` is as for `watch_videos`.
    """
    found: list[str] = [] if faults is None else faults
    for name in OVERLAYS:  # of another run, which `save` would take for its own
        remove_file(folder / name)
    with ExitStack() as stack:
        stack.callback(_save, report, folder, found)  # last of all, whatever happens
        writers: list[Writer] = [report.take]
        for output in (event_lines, *outputs):
            entered = output(report, folder)
            writers.append(entered.__enter__())
            stack.push(partial(_leave, entered, found))
        yield partial(_hand_on, writers=writers, faults=found)


def _hand_on(result: Result, writers: list[Writer], faults: list[str]) -> None:
    """Give a result to all writers; one that cannot go on, as on a full disk, stops no other."""
    for write in list(writers):
        n_before = len(faults)
        with _going_on(faults):
            write(result)
        if len(faults) > n_before:
            writers.remove(write)


def _leave(output: AbstractContextManager[Writer], faults: list[str], *details: Any) -> None:  # noqa: ANN401 - as Python gives them
    """Close an output, which may have its end to write."""
    with _going_on(faults):
        output.__exit__(*details)


def _save(report: DetectionReport, folder: Path, faults: list[str]) -> None:
    if report.n_frames:
        with _going_on(faults):
            report.save(folder)


@contextmanager
def _going_on(faults: list[str]) -> Iterator[None]:
    """Log what cannot be written in the block, and go on after it."""
    try:
        yield
    except FootageError:
        raise
    except UserError as error:
        logger.error("%s", error)
        faults.append(str(error))
