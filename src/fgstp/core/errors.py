"""Errors that a user can correct."""


class UserError(Exception):
    """A mistake in the input or the settings.

    The message is one sentence that says what is wrong, where, and how to correct it. Commands
    print it without a traceback and exit with a status other than 0.
    """


class FootageError(UserError):
    """A video cannot be used; ingest goes on with the others."""
