"""A group of commands that ends in a sentence at a mistake of the user."""

from typing import Any

import click

from fgstp.core.errors import UserError


class Group(click.Group):
    """A group of commands that reports a `UserError` without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - the result of any command
        """Run the command that is named."""
        try:
            return super().invoke(ctx)
        except UserError as error:
            raise click.ClickException(str(error)) from error
