"""The base class of settings: typed, bounded, frozen."""

import reprlib
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from fgstp.core.errors import UserError, did_you_mean

MAX_SEED = 2**53

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError("a diameter in pixels must be odd")
    return value


OddPixels = Annotated[int, Field(ge=1, le=8191), AfterValidator(_odd)]


class Settings(BaseModel):
    """A block of settings: unknown keys are errors, numbers are finite, values do not change.

    Each number has bounds. An inner block that is given in part is completed from its default in
    the outer block, which may differ from the defaults of its own class.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="wrap")
    @classmethod
    def _complete_and_check(cls, given: object, check: ModelWrapValidatorHandler[Self]) -> Self:
        if isinstance(given, Mapping):
            defaults = {name: field.default for name, field in cls.model_fields.items()}
            given = {key: _completed(value, defaults.get(key)) for key, value in given.items()}
            if odd := [*_booleans(given, cls)]:
                raise ValidationError.from_exception_data(cls.__name__, odd)
        try:
            return check(given)
        except ValidationError as error:
            found = [_explained(fault, cls) for fault in error.errors()]
            raise ValidationError.from_exception_data(error.title, found) from None


def _booleans(given: Mapping[Any, object], block: type[BaseModel]) -> Iterator[InitErrorDetails]:
    """Faults of the numbers that are yes or no, which pydantic would take for 1 or 0."""
    kind = PydanticCustomError("boolean", "Input should not be true or false (yes or no in YAML)")
    for key, value in given.items():
        field = block.model_fields.get(key)
        if isinstance(value, bool) and field and not _mentions_bool(field.annotation):
            yield InitErrorDetails(type=kind, loc=(key,), input=value)


def _mentions_bool(annotation: object) -> bool:
    return annotation in (bool, Any) or any(map(_mentions_bool, get_args(annotation)))


def _explained(fault: ErrorDetails, block: type[BaseModel]) -> InitErrorDetails:
    """The same fault; that of an unknown key names the setting that may have been meant."""
    message, place = fault["msg"], fault["loc"]
    if fault["type"] == "extra_forbidden" and len(place) == 1:
        close = did_you_mean(place[0], block.model_fields)
        message = f"there is no such setting{close}"
    kind = PydanticCustomError(fault["type"], message)
    return InitErrorDetails(type=kind, loc=place, input=fault["input"])


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
    place = ".".join([block, *(str(part) for part in fault["loc"])]).rstrip(".")
    given = "" if isinstance(fault["input"], Mapping) else f" is {_shown(fault['input'])}"
    reason = fault["msg"].removeprefix("Value error, ")
    return f"{place}{given}: {reason[:1].lower()}{reason[1:]}"


def _shown(value: object) -> str:
    """The value, of which the middle is left out where it is long or nested."""
    brief = reprlib.Repr()
    brief.maxlevel, brief.maxstring, brief.maxother = 2, 100, 100
    return brief.repr(value)


def check_seed(seed: object) -> int:
    """Return the project's seed; a `UserError` unless it is an integer of 0 or more."""
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed <= MAX_SEED:
        raise UserError(f"The seed is {seed!r}; choose a whole number from 0 to {MAX_SEED}.")
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
