"""`fgstp detect SOURCE...`: detectors, the sources that they watch, and what is said of them."""

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fgstp.core.errors import UserError
from fgstp.core.progress import ProgressBar

if TYPE_CHECKING:
    from types import FrameType

    from fgstp.detection.detector import Detector
    from fgstp.detection.report import DetectionReport, Output

MOST_DETECTORS = 64  # that are kept, of cameras with zones or a calibration of their own

Finder = Callable[[Path | None, Path | None], "Detector"]  # by files of zones and of a calibration


def detectors(model: str, threshold: float | None, device: str, per_hour: float | None) -> Finder:
    """What makes a detector of one model by its zones and its calibration, each once."""
    # They take a moment to import, and the other commands do not need them.
    from fgstp.detection.calibration import calibrated  # noqa: PLC0415
    from fgstp.detection.detector import Detector  # noqa: PLC0415
    from fgstp.detection.settings import DetectionSettings  # noqa: PLC0415
    from fgstp.detection.zones import read_zones  # noqa: PLC0415
    from fgstp.models.loading import find_model  # noqa: PLC0415

    settings = DetectionSettings() if threshold is None else DetectionSettings(threshold=threshold)
    found = find_model(model, device)

    @lru_cache(MOST_DETECTORS)
    def detector_of(zones: Path | None, calibration: Path | None) -> "Detector":
        detector = Detector(found, settings, read_zones(zones) if zones else None)
        return calibrated(detector, calibration, per_hour) if calibration else detector

    return detector_of


def watch(
    detector: "Detector",
    sources: tuple[str, ...],
    outputs: "list[Output]",
    *,
    out: Path,
    shard: slice,
    every: int,
    fps_hz: float | None,
    jobs: int | None,
    quiet: bool,
) -> None:
    """Watch the videos of a shard, then its streams."""
    # As above.
    from fgstp.detection.mask_pictures import mask_pictures  # noqa: PLC0415
    from fgstp.detection.page import INDEX, SUMMARY  # noqa: PLC0415
    from fgstp.detection.sources import find_sources  # noqa: PLC0415
    from fgstp.detection.watch_streams import watch_streams  # noqa: PLC0415
    from fgstp.detection.watch_videos import watch_videos, with_folders  # noqa: PLC0415

    places = with_folders(find_sources(sources), out)[shard]
    videos = [(source, folder) for source, folder in places if isinstance(source, Path)]
    streams = [(source, folder) for source, folder in places if isinstance(source, str)]
    if streams and mask_pictures in outputs:
        raise UserError("--save-masks is for videos, whose frames have numbers; leave it out.")
    if streams and fps_hz is not None:
        raise UserError("--fps is for videos, since streams have times of their own; leave it out.")
    faults: list[str] = []
    n_read = tell(
        chain(
            watch_videos(
                detector,
                videos,
                outputs,
                every=every,
                fps_hz=fps_hz,
                shows_progress=not quiet,
                faults=faults,
            ),
            watch_streams(
                detector,
                streams,
                outputs,
                every=every,
                jobs=jobs,
                shows_progress=not quiet,
                faults=faults,
            ),
        ),
        out=out,
        quiet=quiet,
    )
    if n_read < len(places):
        raise UserError(
            f"{len(places) - n_read} of {len(places)} sources cannot be watched; see above."
        )
    if faults:
        raise UserError(f"{len(faults)} files could not be written to their end; see above.")
    if not quiet:
        page = places[0][1] / SUMMARY if len(places) == 1 else out / INDEX
        click.echo(f"Results: {page}" if places else "There is no source in this shard.")


def tell(reports: "Iterable[DetectionReport]", *, out: Path, quiet: bool) -> int:
    """Print a sentence for each report, and on stderr what is odd; their number comes out."""
    n_read = 0
    try:
        with terminated_as_interrupted():
            for report in reports:
                n_read += 1
                if not quiet:
                    ProgressBar.write(report.sentence())  # above a bar
                    with ProgressBar.external_write_mode():
                        for remark in report.remarks:
                            click.echo(f"{report.source}: {remark}.", err=True)
    except KeyboardInterrupt:
        raise UserError(f"Stopped; what was found until then is in {out}.") from None
    return n_read


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """End the block by a `KeyboardInterrupt` at SIGTERM too, by which services are stopped."""

    def interrupt(number: int, frame: "FrameType | None") -> None:
        del number, frame
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
