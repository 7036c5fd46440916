"""All systems by name."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError, ValidationInfo, field_validator

from fgstp.errors import UserError, fault_reason
from fgstp.footage.settings import Settings
from fgstp.models.background import BackgroundSettings, BackgroundSystem
from fgstp.models.fgstp.system import FgstpSettings, FgstpSystem
from fgstp.models.mg.system import MgSettings, MgSystem
from fgstp.models.rmem.system import RmemSettings, RmemSystem
from fgstp.models.sinet_v2.system import SinetV2Settings, SinetV2System
from fgstp.models.slt_net.system import SltNetSettings, SltNetSystem
from fgstp.models.system import System
from fgstp.models.xmem_pp.settings import XmemSettings
from fgstp.models.xmem_pp.system import XmemSystem
from fgstp.models.zoomnext.system import ZoomNextSettings, ZoomNextSystem

AnySystem = System[Any]


class Entry(NamedTuple):
    """A registered name.

    Attributes:
        system: class of the system.
        fixed: settings that the name decides.
    """

    system: type[AnySystem]
    fixed: Mapping[str, object] = {}


SYSTEMS: Mapping[str, Entry] = {
    "fgstp": Entry(FgstpSystem, {"ctc": True, "fsp": True}),
    "fgstp_no_ctc": Entry(FgstpSystem, {"ctc": False, "fsp": True}),
    "fgstp_no_fsp": Entry(FgstpSystem, {"ctc": True, "fsp": False}),
    "fgstp_no_ctc_no_fsp": Entry(FgstpSystem, {"ctc": False, "fsp": False}),
    "slt_net": Entry(SltNetSystem),
    "sinet_v2": Entry(SinetV2System),
    "zoomnext": Entry(ZoomNextSystem),
    "xmem_pp": Entry(XmemSystem),
    "rmem": Entry(RmemSystem),
    "mg": Entry(MgSystem),
    "background": Entry(BackgroundSystem),
}


class SystemsSettings(Settings):
    """Settings of every system, a block a name of the registry."""

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
        for key, value in SYSTEMS[str(info.field_name)].fixed.items():
            if getattr(block, key) != value:
                raise ValueError(f"{key} must be {str(value).lower()} for this system")
        return block

    def of(self, name: str) -> Settings:
        """The block of one system.

        Raises:
            UserError: no system has the name.
        """
        _entry(name)
        block: Settings = getattr(self, name)
        return block


def system_settings(name: str, values: Settings | Mapping[str, Any]) -> Settings:
    """Check settings of a system.

    Args:
        name: name of the system.
        values: its settings, checked already or not; those that the name decides may be
            left out.

    Returns:
        The settings, complete.

    Raises:
        UserError: no system has the name, or a setting is unknown, out of range, or
            contradicts the name.
    """
    entry = _entry(name)
    if isinstance(values, Settings):
        values = values.model_dump(exclude_unset=True)
    for key, value in entry.fixed.items():
        if values.get(key, value) != value:
            raise UserError(
                f"The system {name} has {key}: {value}; leave that setting out or choose "
                "another system."
            )
    try:
        return entry.system.settings_class.model_validate({**values, **entry.fixed})
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join([name, *(str(part) for part in fault["loc"])])
        what = fault_reason(fault["msg"])
        raise UserError(f"{place} is {fault['input']!r}: {what}; correct the settings.") from error


def build_system(
    name: str,
    values: Settings | Mapping[str, Any] | None = None,
    *,
    initial_weights: bool = True,
) -> AnySystem:
    """Build a system by its name.

    Args:
        name: name of the system.
        values: its settings.
        initial_weights: load the files of weights that the settings name.

    Returns:
        The system, untrained.

    Raises:
        UserError: as `system_settings`, or a file of weights cannot be used.
    """
    settings = system_settings(name, values if values is not None else {})
    return _entry(name).system(settings, initial_weights=initial_weights)


def check_name(name: object) -> None:
    """See that a system has this name.

    Raises:
        UserError: none has.
    """
    if name not in SYSTEMS:
        raise UserError(f"There is no system {name!r}; choose one of {', '.join(SYSTEMS)}.")


def _entry(name: str) -> Entry:
    check_name(name)
    return SYSTEMS[name]
