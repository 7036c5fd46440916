"""The command `fgstp adapt`."""

import logging
from pathlib import Path

import click

from fgstp.cli.options import Number, rate_option


@click.command()
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@click.option("--model", default="wisp", show_default=True, help="The weights to begin with.")
@click.option(
    "--minutes",
    type=Number(0.1, 600),
    default=5.0,
    show_default=True,
    help="How long to train, about, on two cores.",
)
@rate_option
@click.option("--seed", type=click.IntRange(0, 2**31), default=1, show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="The checkpoint to write."
)
def adapt(
    *,
    sources: tuple[str, ...],
    model: str,
    minutes: float,
    fps_hz: float | None,
    seed: int,
    out: Path,
) -> None:
    """Adapt a model to a camera, by its footage without leaks.

    Each SOURCE is named as for `fgstp detect`. Plumes are drawn into the footage, and the model is
    trained further on both; the last quarter of each video is held out, and scored before and
    after. Nothing is written if the model would be worse. The result is given to
    `fgstp detect --model`.
    """
    # Torch takes seconds to import, and the other commands do not need it.
    from fgstp.adaptation.adapt import adapt as adapt_model  # noqa: PLC0415
    from fgstp.detection.sources import find_videos  # noqa: PLC0415

    logging.basicConfig(format="%(message)s")
    before, after = adapt_model(
        model, find_videos(sources), out, minutes=minutes, seed=seed, fps_hz=fps_hz
    )
    click.echo(f"Before: {before.sentence()}.")
    click.echo(f"After: {after.sentence()}.")
    click.echo(f"Checkpoint: {out}")
