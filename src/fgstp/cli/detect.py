"""The command `fgstp detect`."""

import logging
import re
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import click

from fgstp.cli import archive as archives
from fgstp.cli import watching
from fgstp.cli.options import AutoOr, Number, rate_option
from fgstp.cli.outputs import outputs_of, sinks_of
from fgstp.core.errors import UserError

ALL = slice(0, None, 1)  # of the sources


def _part(ctx: click.Context, param: click.Parameter, value: str) -> slice:
    """Entries of a list that are a part `i/n` of it: every n-th one from the i-th on."""
    found = re.fullmatch(r"(\d+)/(\d+)", value)
    first, step = map(int, found.groups()) if found else (0, 0)
    if not 1 <= first <= step:
        raise click.BadParameter(f"{value} is no part i/n, such as 1/4 to 4/4.", ctx, param)
    return slice(first - 1, None, step)


@click.command()
@click.argument("sources", metavar="SOURCE...", nargs=-1)
@click.option(
    "--manifest",
    type=click.Path(path_type=Path),
    help="Watch an archive: the videos that this table names, each once.",
)
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
    type=Number(0, 1e4, min_open=True),
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
@rate_option
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
@click.option("--merge", is_flag=True, help="Make one page and one table of a finished archive.")
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
    manifest: Path | None,
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
    fps_hz: float | None,
    vid_stride: int,
    shard: slice,
    merge: bool,
    device: str,
    jobs: int | None,
    quiet: bool,
    **sinks: Any,  # noqa: ANN401 - see `sinks_of`
) -> None:
    """Find gas leaks in footage.

    Each SOURCE is a video, a folder of videos or of pictures, a pattern such as 'pads/*.mp4', the
    address of a stream such as rtsp://camera/1, the number of a camera, or a text file that lists
    them. Nothing is asked of it: any size, rate and depth, grey or colour. Streams are watched all
    at once, after the videos, until they end or Ctrl-C.
    """
    # Torch takes seconds to import, and the other commands do not need it.
    from fgstp.detection.archive import Archive  # noqa: PLC0415
    from fgstp.detection.manifest import read_manifest  # noqa: PLC0415

    logging.basicConfig(format="%(message)s")
    _check(sources, manifest, shard, merge=merge)
    if false_alarms_per_hour is not None and calibration is None:
        raise UserError(
            "--false-alarms-per-hour needs --calibration, since each camera has a threshold of its "
            "own; make one by `fgstp calibrate`."
        )
    entries = read_manifest(manifest) if manifest else []
    detector_of = watching.detectors(model, threshold, device, false_alarms_per_hour)
    detector = detector_of(zones, calibration)
    outputs = outputs_of(suffix if save else None, save_masks=save_masks, show=show)
    with ExitStack() as stack:
        outputs += sinks_of(stack, **sinks)
        if not manifest:
            watching.watch(
                detector, sources, outputs, out=out, shard=shard, every=vid_stride, fps_hz=fps_hz,
                jobs=jobs, quiet=quiet,
            )  # fmt: skip
            return
        kept = {f"overlay.{suffix}": save, "masks": save_masks, "clips": sinks["clips"]}
        kinds = [kind for kind, is_kept in kept.items() if is_kept]
        find = archives.for_entries(detector_of, zones, calibration)
        archive = Archive(entries, out, find, outputs, kinds, vid_stride, fps_hz)
        if merge:
            archives.merge(archive, quiet=quiet)
        else:
            tell = partial(watching.tell, out=out, quiet=quiet)
            archives.watch(archive, shard, tell, quiet=quiet)


def _check(sources: tuple[str, ...], manifest: Path | None, shard: slice, *, merge: bool) -> None:
    """Refuse options that do not go together."""
    if not (sources or manifest):
        raise click.UsageError("Missing argument 'SOURCE...' or option '--manifest'.")
    if sources and manifest:
        raise UserError("The sources are named twice; name them or a --manifest, not both.")
    if merge and not manifest:
        raise UserError("--merge needs the --manifest of the archive; name it.")
    if merge and shard != ALL:
        raise UserError("--merge is of all shards; leave out --shard.")
