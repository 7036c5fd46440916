"""Errors that a user can correct."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """A mistake in the input or the settings.

    The message is one sentence that says what is wrong, where, and how to correct it. Commands
    print it without a traceback and exit with a status other than 0.
    """

    def __str__(self) -> str:
        return printable(super().__str__())


class FootageError(UserError):
    """A video cannot be used; ingest goes on with the others."""


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Suggest a known name for a mistyped one.

    Args:
        name: what was given.
        known: what could have been given.

    Returns:
        ` (did you mean train?)`, for the end of a clause; empty if nothing is close.
    """
    folded = {each.casefold(): each for each in known}
    close = get_close_matches(str(name).casefold(), folded, n=1)
    return f" (did you mean {folded[close[0]]}?)" if close else ""


def printable(text: str) -> str:
    """Write what no table and no terminal can hold, such as the bytes of a name, as escapes."""
    return "".join(
        letter if letter.isprintable() or letter == "\n" else ascii(letter)[1:-1] for letter in text
    )
