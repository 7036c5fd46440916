"""The command `fgstp`: everything except the Kedro pipelines."""

import click

from fgstp.cli.adapt import adapt
from fgstp.cli.calibrate import calibrate
from fgstp.cli.detect import detect
from fgstp.cli.export import export
from fgstp.cli.footage import check, footage_statistics
from fgstp.cli.group import Group
from fgstp.cli.plumes import plumes
from fgstp.cli.weights import weights


@click.group(cls=Group)
@click.version_option(package_name="fgstp")
def main() -> None:
    """Find gas leaks in infrared video."""


def __getattr__(name: str) -> click.Group:
    """The group `cli`, which Kedro looks for and `fgstp` does not need."""
    if name != "cli":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from fgstp.hooks.command import kedro_group  # noqa: PLC0415 - it imports Kedro

    return kedro_group(main)


for _command in (detect, calibrate, adapt, export, plumes, check, footage_statistics, weights):
    main.add_command(_command)
