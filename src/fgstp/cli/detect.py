"""The command `fgstp detect`."""

import logging
import re
from contextlib import ExitStack
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fgstp.cli.options import AutoOr
from fgstp.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fgstp.detection.detector import Detector
    from fgstp.detection.report import DetectionReport, Output


def _part(ctx: click.Context, param: click.Parameter, value: str) -> slice:
    """Entries of a list that are a part `i/n` of it: every n-th one from the i-th on."""
    found = re.fullmatch(r"(\d+)/(\d+)", value)
    first, step = map(int, found.groups()) if found else (0, 0)
    if not 1 <= first <= step:
        raise click.BadParameter(f"{value} is no part i/n, such as 1/4 to 4/4.", ctx, param)
    return slice(first - 1, None, step)


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
    help="Probability from which a pixel speaks for gas; auto: 0.5.",
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
@click.option("--save", is_flag=True, help="Write a video of what is found, for the browser.")
@click.option(
    "--format",
    "suffix",
    type=click.Choice(["webm", "mp4"]),
    default="webm",
    show_default=True,
    help="Format of that video: webm (VP9) or mp4 (H.264).",
)
@click.option("--save-masks", is_flag=True, help="Write the regions of each frame as a mask.")
@click.option("--show", is_flag=True, help="Show a window meanwhile; q stops.")
@click.option(
    "--vid-stride",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Watch every n-th frame; times stay true.",
)
@click.option(
    "--shard",
    metavar="I/N",
    default="1/1",
    callback=_part,
    show_default=True,
    help="Watch every n-th video from the i-th on, to share the work with other machines.",
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where the network works.",
)
@click.option("--jobs", type=click.IntRange(min=1), help="Streams watched at once; all by default.")
@click.option("--webhook", metavar="URL", help="Post each change of an event there, as JSON.")
@click.option("--mqtt", metavar="URL", help="Publish to this broker, such as mqtt://host:1883.")
@click.option("--metrics-port", type=click.IntRange(0, 65535), help="Serve Prometheus there.")
@click.option("--on-event", metavar="COMMAND", help="Run a command at each change of an event.")
@click.option("--clips", is_flag=True, help="Write a piece of video around each event.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def detect(
    *,
    sources: tuple[str, ...],
    model: str,
    threshold: float | None,
    calibration: Path | None,
    false_alarms_per_hour: float | None,
    zones: Path | None,
    out: Path,
    save: bool,
    suffix: str,
    save_masks: bool,
    show: bool,
    vid_stride: int,
    shard: slice,
    device: str,
    jobs: int | None,
    quiet: bool,
    **sinks: Any,  # noqa: ANN401 - see `_sinks`
) -> None:
    """Find gas leaks in footage.

    Each SOURCE is a video, a folder of videos or of pictures, a pattern such as 'pads/*.mp4', the
    address of a stream such as rtsp://camera/1, the number of a camera, or a text file that lists
    them. Nothing is asked of it: any size, rate and depth, grey or colour. Streams are watched all
    at once, after the videos, until they end or Ctrl-C.
    """
    # Torch takes seconds to import, and the other commands do not need it.
    from fgstp.detection.calibration import calibrated  # noqa: PLC0415
    from fgstp.detection.sources import find_sources  # noqa: PLC0415
    from fgstp.detection.watch_streams import watch_streams  # noqa: PLC0415
    from fgstp.detection.watch_videos import watch_videos, with_folders  # noqa: PLC0415

    logging.basicConfig(format="%(message)s")
    places = with_folders(find_sources(sources), out)[shard]
    videos = [(source, folder) for source, folder in places if isinstance(source, Path)]
    streams = [(source, folder) for source, folder in places if isinstance(source, str)]
    if streams and save_masks:
        raise UserError("--save-masks is for videos, whose frames have numbers; leave it out.")
    if false_alarms_per_hour is not None and calibration is None:
        raise UserError(
            "--false-alarms-per-hour needs --calibration, since each camera has a threshold of its "
            "own; make one by `fgstp calibrate`."
        )
    detector = _detector(model, threshold, zones, device)
    if calibration is not None:
        detector = calibrated(detector, calibration, false_alarms_per_hour)
    outputs = _outputs(suffix if save else None, save_masks=save_masks, show=show)
    with ExitStack() as stack:
        outputs += _sinks(stack, **sinks)
        watched = partial(watch_videos, detector, videos, outputs)
        streamed = partial(watch_streams, detector, streams, outputs, jobs=jobs)
        reports = chain.from_iterable(
            watch(every=vid_stride, shows_progress=not quiet) for watch in (watched, streamed)
        )
        n_read = _tell(reports, out, quiet=quiet)
    if n_read < len(places):
        raise UserError(
            f"{len(places) - n_read} of {len(places)} sources cannot be watched; see above."
        )
    if not quiet:
        click.echo(f"Results: {_page(places, out)}")


def _detector(
    model: str,
    threshold: float | None,
    zones: Path | None,
    device: str,
) -> "Detector":
    # As above.
    from fgstp.detection.detector import Detector  # noqa: PLC0415
    from fgstp.detection.settings import DetectionSettings  # noqa: PLC0415
    from fgstp.detection.zones import read_zones  # noqa: PLC0415

    settings = DetectionSettings() if threshold is None else DetectionSettings(threshold=threshold)
    return Detector(model, settings, read_zones(zones) if zones else None, device)


def _tell(reports: "Iterable[DetectionReport]", out: Path, *, quiet: bool) -> int:
    """Print a sentence for each report; their number comes out."""
    n_read = 0
    try:
        for report in reports:
            n_read += 1
            if not quiet:
                click.echo(report.sentence())
    except KeyboardInterrupt:
        raise UserError(f"Stopped; what was found until then is in {out}.") from None
    return n_read


def _page(places: "Sequence[tuple[Path | str, Path]]", out: Path) -> Path:
    """The page to begin with."""
    from fgstp.detection.page import INDEX, SUMMARY  # noqa: PLC0415 - as above

    return places[0][1] / SUMMARY if len(places) == 1 else out / INDEX


def _outputs(suffix: str | None, *, save_masks: bool, show: bool) -> "list[Output]":
    """What takes results, beside the files that are always written."""
    # As above.
    from fgstp.detection.mask_pictures import mask_pictures  # noqa: PLC0415
    from fgstp.detection.overlay import overlay_video  # noqa: PLC0415
    from fgstp.detection.window import window  # noqa: PLC0415

    outputs: list[Output] = []
    if suffix:
        outputs.append(partial(overlay_video, suffix=suffix))
    if save_masks:
        outputs.append(mask_pictures)
    if show:
        outputs.append(window)
    return outputs


def _sinks(
    stack: ExitStack,
    *,
    webhook: str | None,
    mqtt: str | None,
    metrics_port: int | None,
    on_event: str | None,
    clips: bool,
) -> "list[Output]":
    """Where else events go; `stack` closes what all sources share."""
    # As above.
    from fgstp.detection import sinks  # noqa: PLC0415

    outputs: list[Output] = []
    if webhook:
        outputs.append(sinks.webhook(webhook))
    if mqtt:
        outputs.append(sinks.mqtt(mqtt))
    if metrics_port is not None:
        outputs.append(stack.enter_context(sinks.MetricsServer(metrics_port)))
    if on_event:
        outputs.append(sinks.command(on_event))
    if clips:
        outputs.append(sinks.event_clips)
    return outputs
