"""A group of commands that ends in a sentence at a mistake of the user."""

import re
from importlib.metadata import requires
from typing import Any

import click

from fgstp.core.errors import UserError


class Group(click.Group):
    """A group of commands that reports a `UserError`, or a missing extra, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - the result of any command
        """Run the command that is named."""
        try:
            return super().invoke(ctx)
        except UserError as error:
            raise click.ClickException(str(error)) from error
        except ModuleNotFoundError as error:
            package = (error.name or "").partition(".")[0]
            if (extra := _extra_of(package)) is None:
                raise
            raise click.ClickException(
                f"This needs the package {package}, which is not installed; run pip install "
                f'"fgstp[{extra}]".'
            ) from error


def _extra_of(package: str) -> str | None:
    """The extra of this project that installs a package; None if there is none."""
    for requirement in requires("fgstp") or []:
        found = re.match(rf"{re.escape(package)}\b[^;]*;.*extra == ['\"](\w+)['\"]", requirement)
        if package and found:
            return found[1]
    return None
