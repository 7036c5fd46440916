"""The command `fgstp calibrate`."""

import logging
from pathlib import Path

import click

from fgstp.cli.options import Number, rate_option
from fgstp.core.files import check_can_be_written


@click.command()
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@click.option("--model", default="wisp", show_default=True, help="As for `fgstp detect`.")
@click.option(
    "--false-alarms-per-hour",
    type=Number(0, 1e4, min_open=True),
    default=1.0,
    show_default=True,
    help="The rate that is wanted.",
)
@rate_option
@click.option("--zones", type=click.Path(path_type=Path), help="Zones to watch and to ignore.")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="The file to write, JSON."
)
def calibrate(
    *,
    sources: tuple[str, ...],
    model: str,
    false_alarms_per_hour: float,
    fps_hz: float | None,
    zones: Path | None,
    out: Path,
) -> None:
    """Choose the threshold of alarms for a camera, by its footage without leaks.

    Each SOURCE is named as for `fgstp detect`. The result is given to `fgstp detect --calibration`.
    """
    # Torch takes seconds to import, and the other commands do not need it.
    from fgstp.detection.calibrate import calibrate as calibrate_detector  # noqa: PLC0415
    from fgstp.detection.calibrate import sentences  # noqa: PLC0415
    from fgstp.detection.detector import Detector  # noqa: PLC0415
    from fgstp.detection.sources import find_videos  # noqa: PLC0415
    from fgstp.detection.zones import read_zones  # noqa: PLC0415

    logging.basicConfig(format="%(message)s")
    check_can_be_written(out)
    found = find_videos(sources)
    detector = Detector(model, zones=read_zones(zones) if zones else None)
    site = calibrate_detector(detector, found, false_alarms_per_hour, fps_hz)
    site.write(out)
    for sentence in sentences(site):
        click.echo(sentence)
    click.echo(f"Calibration: {out}")
