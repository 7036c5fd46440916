"""The commands `fgstp weights ...`."""

from pathlib import Path

import click

from fgstp.cli.group import Group
from fgstp.cli.options import pairs
from fgstp.core.config import parsed_settings


@click.group(cls=Group)
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

    values = pairs(settings)
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

    Writes NAME.safetensors, the network as NAME.onnx, and the card NAME.json with the scores of all
    seeds. A name ends in its version, as wisp-1.
    """
    from fgstp.models.shipping import ship_best  # noqa: PLC0415 - as above

    card = ship_best(folder, name, out, licence)
    click.echo(f"{out / name}.safetensors holds {card.model}, the best of {len(card.trainings)}.")
