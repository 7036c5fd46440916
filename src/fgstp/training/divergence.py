"""A training whose loss is no longer a number."""

from fgstp.core.errors import UserError


class DivergenceError(UserError):
    """The loss became infinite or undefined."""
