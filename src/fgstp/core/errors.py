"""Errors that a user can mend."""


class UserError(Exception):
    """A mistake in the input or the settings, told in one sentence.

    The message says what is wrong, where, and how to mend it. Commands print it
    without a traceback and exit with a status that is not 0.
    """


class FootageError(UserError):
    """One video that cannot be used; the other videos are not affected by it."""


def fault_reason(message: str) -> str:
    """What pydantic says of a wrong setting, as it goes into the middle of a sentence.

    Args:
        message: such as `Value error, jobs must not be 0` or `Input should be 'dis'`.

    Returns:
        The same without the prefix of this project's own checks, its first letter small.
    """
    reason = message.removeprefix("Value error, ")
    return reason[:1].lower() + reason[1:]
