"""All models by name: a model registers itself beside its class."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, TypeVar

import pydantic
from pydantic import RootModel, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticUndefined

from fgstp import models
from fgstp.core.config import Settings, faults
from fgstp.core.errors import UserError, did_you_mean
from fgstp.models.session import PromptKind

if TYPE_CHECKING:
    from fgstp.models.base import Predictor
    from fgstp.models.published import Published

    ModelT = TypeVar("ModelT", bound=Predictor[Any])


@dataclass(frozen=True)
class ModelInfo:
    """Entry of a model in the registry.

    Attributes:
        name: its name in settings, files and scores.
        model: its class.
        title: its name in tables and figures.
        paper: where it is published.
        order: its place among the rows of a table, from low to high.
        ablation: its name in the ablation table; empty if it is not part of it.
        is_compared: whether it is part of the comparison of models.
        may_diverge: whether a training whose loss becomes infinite or undefined after a finished
            epoch counts as a result, a failed one, instead of ending the command (in a training
            of one process), and scores of a model that finds nothing or everything are a dash.
        prompt: kind of prompt that its sessions need, unless its settings change it.
        published: function of the requested settings that describes the checkpoints that its
            authors published; None if there are none.
        fixed: settings that the name decides.
    """

    name: str
    model: "type[Predictor[Any]]"
    title: str
    paper: str = ""
    order: int = 0
    ablation: str = ""
    is_compared: bool = True
    may_diverge: bool = False
    prompt: PromptKind = "none"
    published: "Callable[[Mapping[str, Any]], Published] | None" = None
    fixed: Mapping[str, object] = field(default_factory=dict)

    def fits(self, settings: Settings) -> bool:
        """Whether settings are what the name decides."""
        return all(getattr(settings, key) == value for key, value in self.fixed.items())


_REGISTERED: dict[str, ModelInfo] = {}


def register(
    name: str,
    title: str,
    **facts: Any,  # noqa: ANN401 - fields of different types
) -> "Callable[[type[ModelT]], type[ModelT]]":
    """Decorator that adds a class to the models under a name.

    A class may have several names, which decide some of its settings.

    Args:
        name: as in `ModelInfo`.
        title: as in `ModelInfo`.
        facts: further fields of `ModelInfo`.

    Example:
        >>> from fgstp import model_info
        >>> model_info("fgstp").title
        'FGSTP'
    """

    def registered(model: "type[ModelT]") -> "type[ModelT]":
        _REGISTERED[name] = ModelInfo(name, model, title, **facts)
        return model

    return registered


def info_of(model: "type[Predictor[Any]]", settings: Settings) -> ModelInfo:
    """Entry of a class with such settings; a class that is not registered goes by its own name."""
    for info in _REGISTERED.values():
        if info.model is model and info.fits(settings):
            return info
    return ModelInfo(model.__name__, model, model.__name__)


@cache
def _discover() -> None:
    """Import `<name>.py` or `<name>/model.py` of every model, which registers it."""
    for found in iter_modules(models.__path__):
        module = f"{models.__name__}.{found.name}"
        if not found.ispkg:
            import_module(module)
        elif find_spec(f"{module}.model"):
            import_module(f"{module}.model")


def model_infos() -> list[ModelInfo]:
    """All models, in the order of the tables."""
    _discover()
    return sorted(_REGISTERED.values(), key=lambda info: (info.order, info.name))


def list_models() -> list[str]:
    """Names of all models, in the order of the tables.

    Example:
        >>> from fgstp import list_models
        >>> "fgstp" in list_models()
        True
    """
    return [info.name for info in model_infos()]


def check_name(name: object) -> None:
    """Raise a `UserError` if no model has this name."""
    if name not in list_models():
        close = did_you_mean(name, list_models())
        raise UserError(
            f"There is no model {name!r}{close}; choose one of {', '.join(list_models())}."
        )


def model_info(name: str) -> ModelInfo:
    """Entry of a model in the registry.

    Raises:
        UserError: no model has the name.

    Example:
        >>> from fgstp import model_info
        >>> model_info("slt_net").paper
        'CVPR 2022, arXiv 2203.07363'
    """
    check_name(name)
    return _REGISTERED[name]


def model_settings(name: str, values: Settings | Mapping[str, Any]) -> Settings:
    """Check and complete the settings of a model.

    Args:
        name: name of the model.
        values: its settings; those that the name decides may be left out.

    Raises:
        UserError: no model has the name, or a setting is unknown, out of range, or
            contradicts the name.
    """
    info = model_info(name)
    if isinstance(values, Settings):
        values = values.model_dump(exclude_unset=True)
    for key, value in info.fixed.items():
        if values.get(key, value) != value:
            raise UserError(
                f"The model {name} has {key}: {value}; leave that setting out or choose "
                "another model."
            )
    try:
        return info.model.settings_class.model_validate({**values, **info.fixed})
    except ValidationError as error:
        raise UserError(f"{faults(error, name)}; correct the settings.") from error


def create_model(
    name: str, values: Settings | Mapping[str, Any] | None = None, *, initial_weights: bool = True
) -> "Predictor[Any]":
    """Build an untrained model.

    Args:
        name: name of the model.
        values: its settings.
        initial_weights: load the files of weights that the settings name.

    Raises:
        UserError: as `model_settings`, or a file of weights cannot be used.

    Example:
        >>> from fgstp import create_model
        >>> model = create_model("sinet_v2", {"height_px": 64, "width_px": 96})
        >>> sum(weights.numel() for weights in model.parameters())
        24926642
    """
    from fgstp.models.base import Model  # noqa: PLC0415 - it is built on this module

    settings = model_settings(name, values if values is not None else {})
    kind = model_info(name).model
    if issubclass(kind, Model):
        return kind(settings, initial_weights=initial_weights)
    return kind(settings)


class _Blocks(Settings):
    """A block of settings for each model."""

    @field_validator("*", mode="after")
    @classmethod
    def _as_its_name_says(cls, block: Settings, found: ValidationInfo) -> Settings:
        for key, value in model_info(str(found.field_name)).fixed.items():
            if getattr(block, key) != value:
                raise ValueError(f"{key} must be {str(value).lower()} for this model")
        return block


@cache
def _blocks_class() -> type[Settings]:
    """`_Blocks` with a field for each model."""
    fields: dict[str, Any] = {
        info.name: (info.model.settings_class, info.model.settings_class(**info.fixed))
        for info in model_infos()
    }
    return pydantic.create_model("Models", __base__=_Blocks, **fields)


class ModelsSettings(RootModel[dict[str, pydantic.SerializeAsAny[Settings]]]):
    """Settings of every model, a block a name; a missing block has the defaults."""

    @model_validator(mode="before")
    @classmethod
    def _every_block(cls, given: object) -> object:
        checked = _blocks_class().model_validate({} if given is PydanticUndefined else given)
        return {name: getattr(checked, name) for name in list_models()}

    def __str__(self) -> str:
        """The names alone: a tracker that keeps parameters as text would cut all settings off."""
        return ", ".join(self.root)

    def of(self, name: str) -> Settings:
        """The block of one model; raises a `UserError` if no model has the name."""
        check_name(name)
        return self.root[name]
