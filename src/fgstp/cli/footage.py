"""The commands `fgstp check` and `fgstp footage-statistics`."""

import logging
from pathlib import Path

import click
from pydantic import ValidationError

from fgstp.cli.options import check_length, pairs, rate_option
from fgstp.core.config import faults, parsed_settings
from fgstp.core.errors import UserError
from fgstp.core.files import write_text


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="footage.html",
    show_default=True,
    help="The page to write.",
)
@click.option(
    "--setting",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of ingest, such as clip_length_frames=50 or masks.void_band_px=2. Repeatable.",
)
def check(*, folder: Path, out: Path, settings: tuple[str, ...]) -> None:
    """Check the footage in FOLDER before anything is trained.

    Reads every video and mask as ingest would, and tells what is found, what is odd, and what
    will not be used and why: as a table here, and on a page with pictures.
    """
    # Matplotlib and pandas take a second to import, and the other commands do not need them.
    from fgstp.footage.settings import IngestSettings  # noqa: PLC0415
    from fgstp.reporting.check import as_page, as_text, check_footage  # noqa: PLC0415

    # What is passed over as no footage is logged.
    logging.basicConfig(format="%(message)s")
    logging.getLogger("fgstp").setLevel(logging.INFO)
    values = parsed_settings(pairs(settings))
    try:
        chosen = IngestSettings.model_validate({"source": "folder"} | values)
    except ValidationError as error:
        raise UserError(f"{faults(error, 'ingest')}; correct --setting.") from error
    checked = check_footage(folder, chosen)
    write_text(out, as_page(folder.resolve(), checked))
    click.echo(as_text(checked))
    click.echo(f"\nWith pictures: {out}")


@click.command()
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@rate_option
@click.option(
    "--videos", type=int, default=20, show_default=True, help="Number of synthetic videos."
)
@click.option("--seconds", type=float, default=60.0, show_default=True, help="Length of each.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the first.")
def footage_statistics(
    *, sources: tuple[str, ...], fps_hz: float | None, videos: int, seconds: float, seed: int
) -> None:
    """Print statistics of footage, by which synthetic and real footage are compared.

    Each SOURCE is a video, a folder of footage, or synthetic:demo, synthetic:wide. What is printed
    are percentiles over the videos of a source.
    """
    # Pandas takes a second to import, and the other commands do not need it.
    from fgstp.footage.sources.synthetic import SyntheticSample  # noqa: PLC0415
    from fgstp.reporting.footage_statistics import as_text, measure_sources  # noqa: PLC0415

    check_length(seconds)
    if videos < 1:
        raise UserError(f"There cannot be {videos} synthetic videos; choose --videos 1 or more.")
    measured = measure_sources(sources, SyntheticSample(videos, seconds, seed), fps_hz)
    click.echo(as_text(measured))
    unusable = [source.name for source in measured if not source.videos]
    if unusable:
        raise UserError(f"No video of {', '.join(unusable)} can be used; see above.")
