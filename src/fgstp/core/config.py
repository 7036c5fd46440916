"""The base of all settings: typed, bounded, frozen."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from fgstp.core.errors import UserError

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError("a diameter in pixels must be odd")
    return value


OddPixels = Annotated[int, Field(ge=1), AfterValidator(_odd)]


class Settings(BaseModel):
    """A block of settings: unknown keys are errors and values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def check_seed(seed: object) -> int:
    """See that the project's seed is a whole number of 0 or more.

    Raises:
        UserError: it is not.
    """
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise UserError(f"The seed is {seed!r}; choose a whole number of 0 or more.")
    return seed
