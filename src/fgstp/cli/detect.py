"""The command `fgstp detect`."""

import logging
from pathlib import Path

import click

from fgstp.cli.options import AutoOr
from fgstp.core.errors import UserError


@click.command()
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@click.option(
    "--model",
    default="wisp",
    show_default=True,
    help="Weights that come with the package, a checkpoint, or a model without training.",
)
@click.option(
    "--threshold",
    type=AutoOr(0, 1, min_open=True, max_open=True),
    default="auto",
    show_default=True,
    help="Probability from which a pixel speaks for gas; auto: that of the model.",
)
@click.option(
    "--calibration",
    type=click.Path(path_type=Path),
    help="The alarm threshold of a site, which `fgstp calibrate` has chosen.",
)
@click.option(
    "--false-alarms-per-hour",
    type=click.FloatRange(0, 1e4, min_open=True),
    help="Another rate than that of the calibration.",
)
@click.option("--zones", type=click.Path(path_type=Path), help="Zones to watch and to ignore.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("runs/detect"),
    show_default=True,
    help="The folder to write to.",
)
def detect(
    *,
    sources: tuple[str, ...],
    model: str,
    threshold: float | None,
    calibration: Path | None,
    false_alarms_per_hour: float | None,
    zones: Path | None,
    out: Path,
) -> None:
    """Find gas leaks in footage.

    Each SOURCE is a video, a folder of videos or of pictures, a pattern such as 'pads/*.mp4', or a
    text file that lists them. Nothing is asked of it: any size, rate and depth, grey or colour.
    """
    # Torch takes seconds to import, and the other commands do not need it.
    from fgstp.detection.calibration import calibrated  # noqa: PLC0415
    from fgstp.detection.detector import Detector  # noqa: PLC0415
    from fgstp.detection.settings import DetectionSettings  # noqa: PLC0415
    from fgstp.detection.sources import find_sources  # noqa: PLC0415
    from fgstp.detection.watch_videos import watch_videos  # noqa: PLC0415
    from fgstp.detection.zones import read_zones  # noqa: PLC0415

    logging.basicConfig(format="%(message)s")
    if false_alarms_per_hour is not None and calibration is None:
        raise UserError(
            "--false-alarms-per-hour needs --calibration, since each camera has a threshold of its "
            "own; make one by `fgstp calibrate`."
        )
    found = find_sources(sources)
    settings = DetectionSettings(threshold=threshold)
    detector = Detector(model, settings, read_zones(zones) if zones else None)
    if calibration is not None:
        detector = calibrated(detector, calibration, false_alarms_per_hour)
    n_read = 0
    for report in watch_videos(detector, found, out):
        click.echo(report.sentence())
        n_read += 1
    if n_read < len(found):
        raise UserError(
            f"{len(found) - n_read} of {len(found)} videos cannot be watched; see above."
        )
    click.echo(f"Events: {out}")
