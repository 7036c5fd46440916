"""All models by name."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError, ValidationInfo, field_validator

from fgstp.core.config import Settings, faults
from fgstp.core.errors import UserError
from fgstp.models.background import BackgroundModel, BackgroundSettings
from fgstp.models.base import Model
from fgstp.models.fgstp import model as fgstp
from fgstp.models.fgstp.model import FgstpModel, FgstpSettings
from fgstp.models.mg import model as mg
from fgstp.models.mg.model import MgModel, MgSettings
from fgstp.models.published import Published
from fgstp.models.rmem import weights as rmem
from fgstp.models.rmem.model import RmemModel, RmemSettings
from fgstp.models.sinet_v2 import model as sinet_v2
from fgstp.models.sinet_v2.model import SinetV2Model, SinetV2Settings
from fgstp.models.slt_net import model as slt_net
from fgstp.models.slt_net.model import SltNetModel, SltNetSettings
from fgstp.models.xmem_pp import model as xmem_pp
from fgstp.models.xmem_pp.model import XmemModel, XmemSettings
from fgstp.models.zoomnext import weights as zoomnext
from fgstp.models.zoomnext.model import ZoomNextModel, ZoomNextSettings

AnyModel = Model[Any]


class ModelInfo(NamedTuple):
    """What is known of a model by its name.

    Attributes:
        model: class of the model.
        fixed: settings that the name decides.
        published: from settings that are asked for to the checkpoints that its authors
            published; None if there are none.
    """

    model: type[AnyModel]
    fixed: Mapping[str, object] = {}
    published: Callable[[Mapping[str, Any]], Published] | None = None


MODELS: Mapping[str, ModelInfo] = {
    "fgstp": ModelInfo(FgstpModel, {"ctc": True, "fsp": True}, fgstp.published),
    "fgstp_no_ctc": ModelInfo(FgstpModel, {"ctc": False, "fsp": True}),
    "fgstp_no_fsp": ModelInfo(FgstpModel, {"ctc": True, "fsp": False}),
    "fgstp_no_ctc_no_fsp": ModelInfo(FgstpModel, {"ctc": False, "fsp": False}),
    "slt_net": ModelInfo(SltNetModel, published=slt_net.published),
    "sinet_v2": ModelInfo(SinetV2Model, published=sinet_v2.published),
    "zoomnext": ModelInfo(ZoomNextModel, published=zoomnext.published),
    "xmem_pp": ModelInfo(XmemModel, published=xmem_pp.published),
    "rmem": ModelInfo(RmemModel, published=rmem.published),
    "mg": ModelInfo(MgModel, published=mg.published),
    "background": ModelInfo(BackgroundModel),
}


class ModelsSettings(Settings):
    """Settings of every model, a block a name of the registry."""

    fgstp: FgstpSettings = FgstpSettings()
    fgstp_no_ctc: FgstpSettings = FgstpSettings(ctc=False)
    fgstp_no_fsp: FgstpSettings = FgstpSettings(fsp=False)
    fgstp_no_ctc_no_fsp: FgstpSettings = FgstpSettings(ctc=False, fsp=False)
    slt_net: SltNetSettings = SltNetSettings()
    sinet_v2: SinetV2Settings = SinetV2Settings()
    zoomnext: ZoomNextSettings = ZoomNextSettings()
    xmem_pp: XmemSettings = XmemSettings()
    rmem: RmemSettings = RmemSettings()
    mg: MgSettings = MgSettings()
    background: BackgroundSettings = BackgroundSettings()

    @field_validator("*", mode="after")
    @classmethod
    def _as_its_name_says(cls, block: Settings, info: ValidationInfo) -> Settings:
        for key, value in MODELS[str(info.field_name)].fixed.items():
            if getattr(block, key) != value:
                raise ValueError(f"{key} must be {str(value).lower()} for this model")
        return block

    def of(self, name: str) -> Settings:
        """The block of one model.

        Raises:
            UserError: no model has the name.
        """
        model_info(name)
        block: Settings = getattr(self, name)
        return block


def model_settings(name: str, values: Settings | Mapping[str, Any]) -> Settings:
    """Check settings of a model.

    Args:
        name: name of the model.
        values: its settings, checked already or not; those that the name decides may be
            left out.

    Returns:
        The settings, complete.

    Raises:
        UserError: no model has the name, or a setting is unknown, out of range, or
            contradicts the name.
    """
    entry = model_info(name)
    if isinstance(values, Settings):
        values = values.model_dump(exclude_unset=True)
    for key, value in entry.fixed.items():
        if values.get(key, value) != value:
            raise UserError(
                f"The model {name} has {key}: {value}; leave that setting out or choose "
                "another model."
            )
    try:
        return entry.model.settings_class.model_validate({**values, **entry.fixed})
    except ValidationError as error:
        raise UserError(f"{faults(error, name)}; correct the settings.") from error


def list_models() -> list[str]:
    """Names of all models, in the order of the tables.

    Example:
        >>> from fgstp import list_models
        >>> "fgstp" in list_models()
        True
    """
    return list(MODELS)


def create_model(
    name: str,
    values: Settings | Mapping[str, Any] | None = None,
    *,
    initial_weights: bool = True,
) -> AnyModel:
    """Build a model by its name.

    Args:
        name: name of the model.
        values: its settings.
        initial_weights: load the files of weights that the settings name.

    Returns:
        The model, untrained.

    Raises:
        UserError: as `model_settings`, or a file of weights cannot be used.

    Example:
        >>> from fgstp import create_model
        >>> model = create_model("sinet_v2", {"height_px": 64, "width_px": 96})
        >>> sum(weights.numel() for weights in model.network.parameters())
        24926642
    """
    settings = model_settings(name, values if values is not None else {})
    return model_info(name).model(settings, initial_weights=initial_weights)


def check_name(name: object) -> None:
    """See that a model has this name.

    Raises:
        UserError: none has.
    """
    if name not in MODELS:
        raise UserError(f"There is no model {name!r}; choose one of {', '.join(MODELS)}.")


def model_info(name: str) -> ModelInfo:
    """What is known of a model.

    Raises:
        UserError: no model has the name.
    """
    check_name(name)
    return MODELS[name]
