"""The command `fgstp detect`."""

import logging
from pathlib import Path

import click

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
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Probability from which a pixel speaks for gas; that of the model by default.",
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
    zones: Path | None,
    out: Path,
) -> None:
    """Find gas leaks in footage.

    Each SOURCE is a video, a folder of videos or of pictures, a pattern such as 'pads/*.mp4', or a
    text file that lists them. Nothing is asked of it: any size, rate and depth, grey or colour.
    """
    # Torch takes seconds to import, and the other commands do not need it.
    from fgstp.detection.detector import Detector  # noqa: PLC0415
    from fgstp.detection.settings import DetectionSettings  # noqa: PLC0415
    from fgstp.detection.sources import find_sources  # noqa: PLC0415
    from fgstp.detection.watch_videos import watch_videos  # noqa: PLC0415
    from fgstp.detection.zones import read_zones  # noqa: PLC0415

    logging.basicConfig(format="%(message)s")
    found = find_sources(sources)
    settings = DetectionSettings(threshold=threshold)
    detector = Detector(model, settings, read_zones(zones) if zones else None)
    n_read = 0
    for report in watch_videos(detector, found, out):
        click.echo(report.sentence())
        n_read += 1
    if n_read < len(found):
        raise UserError(
            f"{len(found) - n_read} of {len(found)} videos cannot be watched; see above."
        )
    click.echo(f"Events: {out}")
