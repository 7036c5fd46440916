"""The command `fgstp export`."""

import logging
from pathlib import Path

import click

from fgstp.core.errors import UserError

SUFFIXES = {"onnx": ".onnx", "openvino": ".xml"}


@click.command()
@click.option(
    "--model",
    default="wisp",
    show_default=True,
    help="Weights that come with the package, or a checkpoint.",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice([*SUFFIXES]),
    default="onnx",
    show_default=True,
    help="The runtime that it is for.",
)
@click.option("--height", type=click.IntRange(1), help="Height of the network; as trained.")
@click.option("--width", type=click.IntRange(1), help="Width of the network; as trained.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="The file to write; named by the model."
)
def export(
    *, model: str, kind: str, height: int | None, width: int | None, out: Path | None
) -> None:
    """Write a trained model as a file that `fgstp detect` runs without torch.

    ONNX Runtime runs .onnx files; the format openvino is for processors of Intel, and writes an
    .xml with a .bin beside it. Nothing is written unless the file predicts what torch does.
    """
    # Torch takes seconds to import, and the other commands do not need it.
    from fgstp.models.checkpoint import load_model  # noqa: PLC0415
    from fgstp.models.exported.writing import export_model  # noqa: PLC0415

    logging.getLogger("onnxscript").setLevel(logging.ERROR)  # it tells what it cannot simplify
    loaded = load_model(model, height_px=height, width_px=width)
    path = out or Path(f"{loaded.name}{SUFFIXES[kind]}")
    if path.suffix != SUFFIXES[kind]:
        raise UserError(f"{path} is for {kind}; let --out end in {SUFFIXES[kind]}.")
    difference = export_model(loaded, path)
    click.echo(f"{path} holds {loaded.name}, at most {difference:.1g} in probability from torch.")
