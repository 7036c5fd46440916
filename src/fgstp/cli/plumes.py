"""The commands `fgstp plumes ...`."""

from pathlib import Path

import click

from fgstp.cli.group import Group
from fgstp.cli.options import check_length, check_rate
from fgstp.plumes import CATEGORIES, SyntheticVideo
from fgstp.plumes.presets import PRESETS
from fgstp.plumes.render import render as render_video


@click.group(cls=Group)
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
    check_length(seconds)
    check_rate(fps)
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
