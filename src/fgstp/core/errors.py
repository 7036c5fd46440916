"""Errors that a user can correct."""


class UserError(Exception):
    """A mistake in the input or the settings.

    The message is one sentence that says what is wrong, where, and how to correct it. Commands
    print it without a traceback and exit with a status other than 0.
    """

    def __str__(self) -> str:
        return printable(super().__str__())


class FootageError(UserError):
    """A video cannot be used; ingest goes on with the others."""


def printable(text: str) -> str:
    """Write what no table and no terminal can hold, such as the bytes of a name, as escapes."""
    return "".join(
        letter if letter.isprintable() or letter == "\n" else ascii(letter)[1:-1] for letter in text
    )
