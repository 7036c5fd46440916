"""The base class of settings: typed, bounded, frozen."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from fgstp.core.errors import UserError

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError("a diameter in pixels must be odd")
    return value


OddPixels = Annotated[int, Field(ge=1), AfterValidator(_odd)]


class Settings(BaseModel):
    """A block of settings: unknown keys are errors and values do not change.

    An inner block that is given in part is completed from its default in the outer block, which
    may differ from the defaults of its own class.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _complete_inner_blocks(cls, given: object) -> object:
        if not isinstance(given, Mapping):
            return given
        defaults = {name: field.default for name, field in cls.model_fields.items()}
        return {key: _completed(value, defaults.get(key)) for key, value in given.items()}


def _completed(given: object, default: object) -> object:
    if not (isinstance(given, Mapping) and isinstance(default, Settings)):
        return given
    kept = {name: getattr(default, name) for name in type(default).model_fields}
    return kept | {key: _completed(value, kept.get(key)) for key, value in given.items()}


def faults(error: ValidationError, block: str) -> str:
    """Describe invalid settings, for the middle of a sentence.

    Args:
        error: pydantic's report.
        block: name of the block of settings.

    Returns:
        Such as `train.epochs is 0: input should be greater than or equal to 1`, separated by
        semicolons if there are several.
    """
    return "; ".join(_fault(each, block) for each in error.errors())


def _fault(fault: ErrorDetails, block: str) -> str:
    place = ".".join([block, *(str(part) for part in fault["loc"])])
    given = "" if isinstance(fault["input"], Mapping) else f" is {fault['input']!r}"
    reason = fault["msg"].removeprefix("Value error, ")
    return f"{place}{given}: {reason[:1].lower()}{reason[1:]}"


def check_seed(seed: object) -> int:
    """Return the project's seed; a `UserError` unless it is an integer of 0 or more."""
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise UserError(f"The seed is {seed!r}; choose a whole number of 0 or more.")
    return seed


def parsed_settings(pairs: Mapping[str, Any]) -> dict[str, Any]:
    """Nest settings with dotted keys.

    Args:
        pairs: such as `{"encoder.name": "pvt_v2_b2"}`.

    Raises:
        UserError: a setting occurs twice, or as a value and as a block.
    """
    nested: dict[str, Any] = {}
    for dotted, value in pairs.items():
        *blocks, key = dotted.split(".")
        place = nested
        for block in blocks:
            place = place.setdefault(block, {})
            if not isinstance(place, dict):
                raise UserError(f"{dotted} is below a setting that has a value; give only one.")
        if key in place:
            raise UserError(f"{dotted}, or a setting below it, is given twice; give only one.")
        place[key] = value
    return nested
