"""Errors that a user can mend."""


class UserError(Exception):
    """A mistake in the input or the settings, told in one sentence.

    The message says what is wrong, where, and how to mend it. Commands print it
    without a traceback and exit with a status that is not 0.
    """


class FootageError(UserError):
    """One video that cannot be used; the other videos are not affected by it."""
