"""Templates of pages and tables, and pictures inside pages."""

import base64
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined


def environment(
    package: str,
    escape: Callable[[object], str] | None = None,
    delimiters: Mapping[str, Any] | None = None,
) -> Environment:
    """Templates of a format; `style.css` is that of all pages.

    Args:
        package: the package in whose folder `templates` they are, such as `fgstp.reporting`.
        escape: escapes values; None escapes them as HTML.
        delimiters: those of Jinja, if not the usual ones.
    """
    return Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("fgstp.core")]),
        autoescape=escape is None,
        finalize=escape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **(delimiters or {}),
    )


def data_url(png: bytes) -> str:
    """The content of a PNG file as the address of a picture."""
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
