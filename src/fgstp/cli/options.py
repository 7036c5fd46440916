"""Values of options that several commands check alike."""

import math
from typing import Any

import click
import yaml

from fgstp.core.errors import UserError

LONGEST_S = 86_400


class Number(click.FloatRange):
    """A number in a range, to which `nan` never belongs."""

    def convert(
        self,
        value: Any,  # noqa: ANN401 - of any type, as click says
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401
        """The number."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value} is no number.", param, ctx)
        return number


class AutoOr(Number):
    """A number in a range, or `auto`, which is None."""

    def convert(
        self,
        value: Any,  # noqa: ANN401 - of any type, as click says
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401
        """The number; None for `auto`."""
        return None if value == "auto" else super().convert(value, param, ctx)


rate_option = click.option(
    "--fps",
    "fps_hz",
    type=Number(0, 1e4, min_open=True),
    help="True frames per second, of pictures and of files that tell another rate.",
)


def check_length(seconds: float) -> None:
    """Refuse an impossible length of a video."""
    if not 0.0 < seconds <= LONGEST_S:
        raise UserError(
            f"A video cannot last {seconds} s; choose --seconds above 0 and up to {LONGEST_S}."
        )


def check_rate(fps: float) -> None:
    """Refuse an impossible frame rate."""
    if not 0.0 < fps < math.inf:
        raise UserError(f"A frame rate of {fps} Hz is impossible; choose --fps above 0.")


def pairs(settings: tuple[str, ...]) -> dict[str, Any]:
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
