"""Addresses of those that take events."""

from collections.abc import Collection
from urllib.parse import SplitResult, urlsplit

from fgstp.core.errors import UserError
from fgstp.footage.live import without_password


def address(url: str, schemes: Collection[str], what: str, example: str) -> SplitResult:
    """The parts of an address.

    Args:
        url: the address.
        schemes: what it may begin with, such as `https`.
        what: what it should be, for the error.
        example: a good one, for the error.

    Raises:
        UserError: it has another scheme, no host, or an impossible port.
    """
    try:
        parts = urlsplit(url)
        is_sound = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port, or brackets, that cannot be
        is_sound = False
    if not is_sound:
        raise UserError(f"{without_password(url)} is no {what}; name one such as {example}.")
    return parts
