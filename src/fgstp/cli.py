"""The command `fgstp`: everything except the Kedro pipelines."""

import logging
import math
from pathlib import Path
from typing import Any

import click
import yaml
from pydantic import ValidationError

from fgstp.core.config import faults, parsed_settings
from fgstp.core.errors import UserError
from fgstp.core.files import write_text
from fgstp.plumes import CATEGORIES, SyntheticVideo
from fgstp.plumes.presets import PRESETS
from fgstp.plumes.render import render as render_video

LONGEST_S = 86_400


class _Group(click.Group):
    """A group of commands that reports a `UserError` without a traceback."""

    group_class = type  # of subgroups too

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - the result of any command
        try:
            return super().invoke(ctx)
        except UserError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Group)
@click.version_option(package_name="fgstp")
def main() -> None:
    """Find gas leaks in infrared video."""


def __getattr__(name: str) -> click.Group:
    """The group `cli`, which Kedro looks for and `fgstp` does not need."""
    if name != "cli":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from fgstp.hooks.command import kedro_group  # noqa: PLC0415 - it imports Kedro

    return kedro_group(main)


@main.command()
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


@main.group()
def plumes() -> None:
    """Synthetic footage of gas plumes."""


@plumes.command()
@click.option("--category", required=True, help=f"One of {', '.join(CATEGORIES)}.")
@click.option("--seed", type=int, required=True, help="Random seed of scene, weather and leaks.")
@click.option("--seconds", type=float, required=True, help="Length of the video.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="The video to write; .mkv and .avi are lossless (FFV1), .mp4 is not.",
)
@click.option("--fps", type=float, default=15.0, show_default=True, help="Frames per second.")
@click.option("--width", type=int, default=320, show_default=True, help="Width in pixels.")
@click.option("--height", type=int, default=240, show_default=True, help="Height in pixels.")
@click.option("--still-plumes", type=int, default=0, show_default=True, help="Still plumes.")
@click.option(
    "--conditions",
    default="demo",
    show_default=True,
    help=f"What it may show: {' or '.join(PRESETS)}, which is as varied as real footage.",
)
def render(
    *,
    category: str,
    seed: int,
    seconds: float,
    out: Path,
    fps: float,
    width: int,
    height: int,
    still_plumes: int,
    conditions: str,
) -> None:
    """Write a video of a leak, its masks as PNG and its ground truth as JSON."""
    _check_length(seconds)
    _check_rate(fps)
    video = SyntheticVideo(
        category,
        seed,
        n_frames=max(1, round(seconds * fps)),
        fps_hz=fps,
        height_px=height,
        width_px=width,
        still_plumes=still_plumes,
        conditions=conditions,
    )
    render_video(video, out)


@main.command()
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
    values = parsed_settings(_pairs(settings))
    try:
        chosen = IngestSettings.model_validate({"source": "folder"} | values)
    except ValidationError as error:
        raise UserError(f"{faults(error, 'ingest')}; correct --setting.") from error
    checked = check_footage(folder, chosen)
    write_text(out, as_page(folder.resolve(), checked))
    click.echo(as_text(checked))
    click.echo(f"\nWith pictures: {out}")


@main.command()
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@click.option("--fps", type=float, help="True frames per second, where files tell another rate.")
@click.option(
    "--videos", type=int, default=20, show_default=True, help="Number of synthetic videos."
)
@click.option("--seconds", type=float, default=60.0, show_default=True, help="Length of each.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the first.")
def footage_statistics(
    *, sources: tuple[str, ...], fps: float | None, videos: int, seconds: float, seed: int
) -> None:
    """Print statistics of footage, by which synthetic and real footage are compared.

    Each SOURCE is a video, a folder of footage, or synthetic:demo, synthetic:wide. What is printed
    are percentiles over the videos of a source.
    """
    # Pandas takes a second to import, and the other commands do not need it.
    from fgstp.footage.sources.synthetic import SyntheticSample  # noqa: PLC0415
    from fgstp.reporting.footage_statistics import as_text, measure_sources  # noqa: PLC0415

    _check_length(seconds)
    if fps is not None:
        _check_rate(fps)
    if videos < 1:
        raise UserError(f"There cannot be {videos} synthetic videos; choose --videos 1 or more.")
    measured = measure_sources(sources, SyntheticSample(videos, seconds, seed), fps)
    click.echo(as_text(measured))
    unusable = [source.name for source in measured if not source.videos]
    if unusable:
        raise UserError(f"No video of {', '.join(unusable)} can be used; see above.")


@main.group()
def weights() -> None:
    """Published weights."""


@weights.command("import")
@click.option("--model", metavar="NAME", required=True, help="Name of the model.")
@click.option(
    "--variant",
    type=click.Choice(["released", "paper"]),
    help="Correlation of fgstp and slt_net. The published weights were trained with `released`, "
    "the default, which takes both neighbours after the target frame.",
)
@click.option(
    "--setting",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting that differs from the default published network, such as "
    "encoder.name=pvt_v2_b2, n_frames=1 (ZoomNeXt for images) or base=deaotl (RMem). Repeatable.",
)
@click.argument("source", metavar="IN.pth", type=click.Path(path_type=Path))
@click.argument("out", metavar="OUT.ckpt", type=click.Path(path_type=Path))
def import_weights(
    *, model: str, variant: str | None, settings: tuple[str, ...], source: Path, out: Path
) -> None:
    """Convert the published weights IN.pth to a checkpoint of this project.

    Nothing is written unless every tensor fits. The setting evaluate.checkpoint=OUT.ckpt of
    `kedro run` evaluates it, and train.start_from=OUT.ckpt trains on.
    """
    # Torch takes seconds to import, and the other commands do not need it.
    from fgstp.models.checkpoint import save_checkpoint  # noqa: PLC0415
    from fgstp.models.published import import_published  # noqa: PLC0415

    values = _pairs(settings)
    if variant is not None:
        values["variant"] = variant
    imported = import_published(source, model, parsed_settings(values))
    save_checkpoint(imported, out)
    click.echo(f"{out} holds {model}.")


@weights.command("ship")
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("name")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("src/fgstp/weights"),
    show_default=True,
    help="The folder to write to; that of the package by default.",
)
@click.option("--licence", default="Apache-2.0", show_default=True, help="Licence of the weights.")
def ship_weights(*, folder: Path, name: str, out: Path, licence: str) -> None:
    """Write the best training in FOLDER, such as data/06_models/wisp, as the weights NAME.

    Writes NAME.safetensors and the card NAME.json with the scores of all seeds. A name ends in its
    version, as wisp-1.
    """
    from fgstp.models.shipped import ship_best  # noqa: PLC0415 - as above

    card = ship_best(folder, name, out, licence)
    click.echo(f"{out / name}.safetensors holds {card.model}, the best of {len(card.trainings)}.")


def _check_length(seconds: float) -> None:
    if not 0.0 < seconds <= LONGEST_S:
        raise UserError(
            f"A video cannot last {seconds} s; choose --seconds above 0 and up to {LONGEST_S}."
        )


def _check_rate(fps: float) -> None:
    if not 0.0 < fps < math.inf:
        raise UserError(f"A frame rate of {fps} Hz is impossible; choose --fps above 0.")


def _pairs(settings: tuple[str, ...]) -> dict[str, Any]:
    """Parse settings of the form KEY=VALUE, with values in YAML."""
    values = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not (key and equals):
            raise UserError(f"--setting {setting} is not of the form KEY=VALUE.")
        try:
            values[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise UserError(
                f"The value of --setting {setting} is invalid YAML; quote it."
            ) from error
    return values
